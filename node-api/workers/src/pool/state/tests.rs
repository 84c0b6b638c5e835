use std::time::{Duration, Instant};

use super::*;
use crate::{
    pool::builder::WorkersBuilder,
    request::{AnswerIn, Priority, promise},
};

fn new(answer_in: Option<AnswerIn>, now: Instant) -> New<ReplyTo> {
    New {
        payload: Payload::from("a frame"),
        answer_in,
        attachment: Arc::default(),
        priority: Priority::Normal,
        deadline: now + Duration::from_secs(10),
        key: Box::default(),
        source: Box::default(),
        digest: None,
        trace: (0, 0),
        reply: ReplyTo::Here(promise().0),
    }
}

#[test]
fn a_late_answer_of_one_that_is_taken_for_dead_counts_but_not_from_a_slot_that_another_may_have() {
    let now = Instant::now();
    let slot = AnswerIn {
        bytes: 3,
        slot: Some(Payload::from("old")),
    };
    for (answer_in, counts) in [(None, true), (Some(slot), false)] {
        let mut state = State::new(&WorkersBuilder::new("late").terms, now);
        let mut effects = Effects::default();
        state.submit(new(answer_in, now), now, &mut effects);
        let (drawn, _) = state.queue.draw(now, |_| true);
        // It had answered already, and has died since: another one is to have the job.
        state.queue.returned(&[drawn[0].job]);
        let dead = WorkerId {
            seat: 0,
            incarnation: 0,
        };
        let answers = vec![(drawn[0].job, Ok(Payload::from("new")))];
        state.answered(dead, 1, answers, now, &mut effects);
        assert_eq!(effects.told.len(), usize::from(counts));
        assert_eq!(state.queue.depth().requests, usize::from(!counts));
        if !counts {
            assert_eq!(
                effects.released,
                [Payload::from("new")],
                "outside of the lock"
            );
        }
    }
}

#[test]
fn what_is_refused_is_let_go_of_outside_of_the_lock() {
    let now = Instant::now();
    let mut state = State::new(&WorkersBuilder::new("closing").terms, now);
    state.is_closing = true;
    let mut effects = Effects::default();
    let slot = AnswerIn {
        bytes: 3,
        slot: Some(Payload::from("slot")),
    };
    state.submit(new(Some(slot), now), now, &mut effects);
    assert!(matches!(
        effects.told[0].outcome,
        Err(RequestError::Closing)
    ));
    assert_eq!(
        effects.released,
        [Payload::from("a frame"), Payload::from("slot")]
    );
}
