//! How workers' lives change the state: ready, checked, ended, or never begun.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    callbacks::Happened,
    seat::{InFlight, Seat, WorkerId},
    state::{Effects, Sending, State, event},
};
use crate::{
    queue::Drawn,
    request::{Payload, RequestError},
    state::WorkerState,
};

impl State {
    /// A worker has ended, however that came about: what it had goes to others. The batch that it was at is to blame.
    pub(super) fn ended(&mut self, worker: WorkerId, now: Instant, effects: &mut Effects) {
        let is_closing = self.is_closing;
        // A joined worker that was given up ends once more when its token goes.
        let not_dead = |seat: &&mut Seat| seat.state != WorkerState::Dead;
        let Some(seat) = self.seat(worker).filter(not_dead) else {
            return;
        };
        use super::EvictReason::{Closing, Pressure, Surplus};
        let was_wanted = !matches!(seat.evicted_for, Some(Surplus | Pressure | Closing));
        let was_asked_to_end = seat.state == WorkerState::Evicting;
        let had_begun = seat.ready_at.is_some() || was_asked_to_end;
        let why_failed = seat.why_failed.clone();
        seat.become_state(WorkerState::Dead, now);
        seat.pid = None;
        seat.kill_at = None;
        effects.links.extend(seat.link.take());
        if was_wanted && !is_closing && seat.joined_as.is_none() {
            seat.restarts += 1;
            seat.restart_at = Some(seat.restart_after(now));
        }
        let batches: Vec<_> = seat.batches.drain(..).collect();
        self.counts.ended += 1;
        if !had_begun {
            self.start_failed(why_failed, now, effects);
        }
        for (place, batch) in batches.iter().enumerate() {
            // One that was asked to end has finished what it was at.
            if place == 0 && !was_asked_to_end {
                let told = self.queue.returned(&batch.jobs);
                self.count(&told, now);
                effects.told.extend(told);
            } else {
                self.queue.not_sent(&batch.jobs);
            }
        }
        effects.batches_ended.extend(batches);
        self.draw(now, effects);
        effects.wake = true;
    }

    /// A worker could not be started, or could not load: after some such failures in a row, and with nobody else there, what
    /// waits is told so.
    pub(super) fn start_failed(
        &mut self,
        why: Option<String>,
        now: Instant,
        effects: &mut Effects,
    ) {
        const FAILURES: u32 = 3;
        self.start_failures += 1;
        let serves = self.seats.iter().any(|seat| seat.state.takes_batches());
        if self.start_failures >= FAILURES && !serves {
            let why = why.unwrap_or_else(|| {
                String::from("its process ended before it was ready: see what it wrote to its standard error")
            });
            let error = RequestError::NoWorker { why: why.clone() };
            self.why_no_worker = Some(why);
            let told = self.queue.fail_all(&error);
            self.count(&told, now);
            effects.told.extend(told);
        }
    }

    /// A worker is ready.
    pub(super) fn is_ready(&mut self, worker: WorkerId, now: Instant, effects: &mut Effects) {
        let name = self.name.clone();
        if let Some(seat) = self.seat(worker)
            && seat.state == WorkerState::Loading
            && seat.become_state(WorkerState::Ready, now)
        {
            seat.why_failed = None;
            seat.ready_at = Some(now);
            effects.happened.push((Happened::Ready, event(&name, seat)));
            self.start_failures = 0;
            self.why_no_worker = None;
        }
        self.draw(now, effects);
        effects.wake = true;
    }

    /// A check that a worker is to answer as a request; its number.
    pub(super) fn check(
        &mut self,
        worker: WorkerId,
        payload: &Payload,
        deadline: Instant,
        now: Instant,
    ) -> Option<Sending> {
        let (number, job) = (self.next_batch, self.next_check);
        let seat = self.seat(worker)?;
        let link = seat.link.as_ref()?.link.clone();
        let drawn = vec![Drawn {
            job,
            payload: payload.clone(),
            answer_in: None,
            attachment: Arc::default(),
            deadline,
            trace: (0, 0),
            waited: Duration::ZERO,
        }];
        seat.checked = Some(now);
        seat.batches.push_back(InFlight {
            number,
            jobs: vec![job],
            since: now,
            _frames: drawn.clone(),
        });
        let shares_memory = seat.shares_memory;
        self.next_batch += 1;
        self.next_check += 1;
        Some(Sending {
            worker,
            link,
            shares_memory,
            borrows: false,
            number,
            drawn,
        })
    }
}
