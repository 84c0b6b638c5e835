use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn queue(most: usize, size: usize) -> (Queue<u32>, Instant) {
    let batching = Batching {
        size,
        delay: Duration::ZERO,
    };
    (Queue::new(most, batching), Instant::now())
}

fn new(reply: u32, now: Instant) -> New<u32> {
    New {
        answer_in: None,
        payload: Payload::from(reply.to_le_bytes()),
        attachment: Arc::default(),
        priority: Priority::Normal,
        deadline: now + SECOND,
        key: Box::default(),
        source: Box::default(),
        digest: None,
        trace: (0, 0),
        reply,
    }
}

fn drawn(queue: &mut Queue<u32>, now: Instant) -> Vec<JobId> {
    let (drawn, told) = queue.draw(now, |_| true);
    assert!(told.is_empty());
    drawn.into_iter().map(|drawn| drawn.job).collect()
}

fn told(tellings: Vec<Telling<u32>>) -> Vec<(u32, Result<Vec<u8>, &'static str>)> {
    let tellings = tellings.into_iter();
    let told = tellings.map(|telling| {
        let outcome = telling.outcome.map(|payload| payload.to_vec());
        (telling.reply, outcome.map_err(|error| error.kind()))
    });
    told.collect()
}

fn answer() -> Outcome {
    Ok(Payload::from("answer"))
}

fn answered(reply: u32) -> (u32, Result<Vec<u8>, &'static str>) {
    (reply, Ok(b"answer".to_vec()))
}

#[test]
fn a_full_queue_refuses_and_gives_the_request_back() {
    let (mut queue, now) = queue(2, 1);
    queue.submit(new(1, now), now).unwrap();
    queue.submit(new(2, now), now).unwrap();
    let (refused, reply) = queue.submit(new(3, now), now).unwrap_err();
    assert_eq!((refused, reply), (RequestError::Full { queued: 2 }, 3));
    let jobs = drawn(&mut queue, now);
    queue.answered(jobs[0], &answer());
    queue.submit(new(4, now), now).unwrap();
}

#[test]
fn what_a_dead_worker_had_goes_to_another_and_after_two_deaths_to_nobody() {
    let (mut queue, now) = queue(8, 2);
    queue.submit(new(1, now), now).unwrap();
    queue.submit(new(2, now), now).unwrap();
    let batch = drawn(&mut queue, now);
    assert_eq!(batch.len(), 2);
    assert!(queue.returned(&batch).is_empty());
    let again = drawn(&mut queue, now);
    assert_eq!(again, batch[..1], "alone");
    let poisoned = told(queue.returned(&again));
    assert_eq!(poisoned, [(1, Err("poisoned"))]);
    let other = drawn(&mut queue, now);
    assert_eq!(told(queue.answered(other[0], &answer())), [answered(2)]);
    assert_eq!(queue.depth(), Depth::default());
}

#[test]
fn the_first_answer_counts_whichever_worker_gives_it() {
    let (mut queue, now) = queue(8, 1);
    queue.submit(new(1, now), now).unwrap();
    let job = drawn(&mut queue, now);
    queue.returned(&job);
    // Taken for dead, and it had answered already.
    assert_eq!(told(queue.answered(job[0], &answer())), [answered(1)]);
    assert!(drawn(&mut queue, now).is_empty());
    assert!(queue.answered(job[0], &answer()).is_empty());
    assert_eq!(queue.depth(), Depth::default());
}

#[test]
fn what_expires_costs_no_worker_and_is_told_once() {
    let (mut queue, now) = queue(8, 8);
    queue.submit(new(1, now), now).unwrap();
    queue.submit(new(2, now + SECOND), now).unwrap();
    let late = now + SECOND;
    let (batch, expired) = queue.draw(late, |_| true);
    assert_eq!(told(expired), [(1, Err("expired"))]);
    assert_eq!(batch.len(), 1);
    assert_eq!(queue.next_at(), Some(now + 2 * SECOND));
    assert_eq!(told(queue.expire(now + 2 * SECOND)), [(2, Err("expired"))]);
    assert!(
        queue.answered(batch[0].job, &answer()).is_empty(),
        "too late"
    );
    assert_eq!((queue.depth(), queue.next_at()), (Depth::default(), None));
}

#[test]
fn answers_of_a_source_keep_their_order_whoever_fails() {
    let (mut queue, now) = queue(8, 1);
    for reply in [1, 2, 3] {
        let ordered = New {
            source: "camera".into(),
            ..new(reply, now)
        };
        queue.submit(ordered, now).unwrap();
    }
    let jobs: Vec<_> = (0..3).flat_map(|_| drawn(&mut queue, now)).collect();
    assert!(queue.answered(jobs[2], &answer()).is_empty());
    assert!(queue.answered(jobs[1], &answer()).is_empty());
    assert_eq!(queue.depth().requests, 3);
    queue.returned(&jobs[..1]);
    let again = drawn(&mut queue, now);
    let all = told(queue.returned(&again));
    assert_eq!(all, [(1, Err("poisoned")), answered(2), answered(3)]);
    assert_eq!(queue.depth(), Depth::default());
}

#[test]
fn requests_of_the_same_content_share_one_answer_and_each_has_its_own_deadline() {
    let (mut queue, now) = queue(8, 8);
    let twin = |reply, deadline| New {
        digest: Some([7; 32]),
        deadline,
        ..new(reply, now)
    };
    queue.submit(twin(1, now + SECOND), now).unwrap();
    queue.submit(twin(2, now + 3 * SECOND), now).unwrap();
    queue
        .submit(
            New {
                key: "other".into(),
                ..twin(3, now + 3 * SECOND)
            },
            now,
        )
        .unwrap();
    let (batch, _) = queue.draw(now, |_| true);
    assert_eq!(batch.len(), 1);
    assert_eq!(batch[0].deadline, now + 3 * SECOND);
    assert_eq!(told(queue.expire(now + SECOND)), [(1, Err("expired"))]);
    queue.submit(twin(4, now + 3 * SECOND), now).unwrap();
    let mut both = told(queue.answered(batch[0].job, &answer()));
    both.sort();
    assert_eq!(both, [answered(2), answered(4)]);
    queue.submit(twin(5, now + 3 * SECOND), now).unwrap();
    assert_eq!(drawn(&mut queue, now).len(), 1, "of the other key");
    assert_eq!(
        drawn(&mut queue, now).len(),
        1,
        "a new one, as the first is answered"
    );
}

#[test]
fn jobs_that_nobody_waits_for_are_not_drawn() {
    let (mut queue, now) = queue(8, 1);
    queue.submit(new(1, now), now).unwrap();
    queue.submit(new(2, now), now).unwrap();
    let (batch, told) = queue.draw(now, |reply| *reply != 1);
    assert_eq!(told.len(), 1);
    assert_eq!(batch[0].payload[..], 2_u32.to_le_bytes());
}

#[test]
fn a_batch_that_was_not_sent_waits_again_without_blame() {
    let (mut queue, now) = queue(8, 2);
    queue.submit(new(1, now), now).unwrap();
    queue.submit(new(2, now), now).unwrap();
    for _ in 0..5 {
        let batch = drawn(&mut queue, now);
        assert_eq!(batch.len(), 2);
        queue.not_sent(&batch);
    }
    assert_eq!(
        queue.depth(),
        Depth {
            waiting: 2,
            drawn: 0,
            requests: 2
        }
    );
}

#[test]
fn at_the_end_everybody_is_told() {
    let (mut queue, now) = queue(8, 1);
    for reply in 0..4 {
        let source = if reply % 2 == 0 { "camera" } else { "" };
        queue
            .submit(
                New {
                    source: source.into(),
                    ..new(reply, now)
                },
                now,
            )
            .unwrap();
    }
    drawn(&mut queue, now);
    let told = told(queue.fail_all(&RequestError::Closing));
    assert_eq!(told.len(), 4);
    assert_eq!(queue.depth(), Depth::default());
}

/// Everything that can happen, at random: each request is told exactly once.
#[test]
fn whatever_happens_each_request_is_told_exactly_once() {
    for seed in 0..200_u64 {
        let mut state = seed;
        let mut random = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        let (mut queue, start) = queue(20, 3);
        let (mut now, mut accepted, mut answers) = (start, 0, Vec::new());
        let mut workers: Vec<Vec<JobId>> = Vec::new();
        for step in 0..500 {
            now += Duration::from_millis(random(50));
            match random(6) {
                0 | 1 => {
                    let request = New {
                        priority: Priority::ALL[random(5) as usize],
                        deadline: now + Duration::from_millis(random(400)),
                        key: ["", "a", "b"][random(3) as usize].into(),
                        source: ["", "left", "right"][random(3) as usize].into(),
                        digest: (random(3) == 0).then(|| [random(2) as u8; 32]),
                        ..new(step, now)
                    };
                    accepted += u32::from(queue.submit(request, now).is_ok());
                }
                2 | 3 => {
                    let (batch, told) = queue.draw(now, |_| true);
                    answers.extend(told);
                    workers.push(batch.into_iter().map(|drawn| drawn.job).collect());
                }
                4 if !workers.is_empty() => {
                    let at = random(workers.len() as u64) as usize;
                    let batch = workers.swap_remove(at);
                    answers.extend(queue.returned(&batch));
                    if random(4) == 0 {
                        // What it had answered before.
                        answers
                            .extend(batch.iter().flat_map(|job| queue.answered(*job, &answer())));
                    }
                }
                _ if !workers.is_empty() => {
                    let at = random(workers.len() as u64) as usize;
                    for job in workers.swap_remove(at) {
                        answers.extend(queue.answered(job, &answer()));
                    }
                }
                _ => answers.extend(queue.expire(now)),
            }
            assert_eq!(queue.depth().requests, accepted as usize - answers.len());
        }
        answers.extend(queue.fail_all(&RequestError::Closing));
        let mut replies: Vec<_> = answers.iter().map(|telling| telling.reply).collect();
        replies.sort_unstable();
        replies.dedup();
        assert_eq!(replies.len() as u32, accepted, "seed {seed}");
        assert_eq!(answers.len() as u32, accepted, "seed {seed}");
        assert_eq!((queue.depth(), queue.next_at()), (Depth::default(), None));
        assert!(queue.order.is_empty() && queue.shared.is_empty());
    }
}
