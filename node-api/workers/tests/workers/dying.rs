//! Workers that are killed, stopped, poisoned or never start, and what becomes of the requests that they had.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use zenoh_pinned_workers::{
    BreakerTerms, Chaos, Payload, PendingAnswer, Priority, RequestError, Workers, WorkersStatistics,
};

use crate::{
    engines::place_of,
    pools::{Random, SOON, kill, pool, session, stop, until},
};

/// So that a test need not wait for restarts.
const AT_ONCE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// Poisoned requests on purpose open it otherwise.
const NEVER: BreakerTerms = BreakerTerms {
    failures: u32::MAX,
    open_for: Duration::from_secs(1),
    longest: Duration::from_secs(1),
    successes: 1,
};

const SERVING: [&str; 3] = ["ready", "processing", "idle"];

fn pids(statistics: &WorkersStatistics) -> Vec<u32> {
    let serving = statistics
        .workers
        .iter()
        .filter(|worker| worker.state != "dead");
    serving.filter_map(|worker| worker.pid).collect()
}

#[test]
fn a_killed_workers_batch_goes_to_another_without_a_copy() {
    let session = session();
    let workers = pool("place", "slow_place")
        .range(2..=2)
        .build(&session)
        .unwrap();
    assert!(workers.wait_until_ready(2, SOON));
    let mut slot = workers.alloc(1 << 20).unwrap();
    slot.fill(3);
    let place = place_of(&slot);
    let pending = workers.request(slot).send();
    let has_it = || {
        let statistics = workers.statistics();
        let worker = statistics.workers.iter().find(|worker| worker.batches == 1);
        worker.and_then(|worker| worker.pid)
    };
    kill(until(has_it));
    assert_eq!(String::from_utf8_lossy(&pending.wait().unwrap()), place);
    assert_eq!(workers.statistics().ended, 1);
}

#[test]
fn a_request_that_kills_its_workers_fails_as_poisoned_and_takes_none_with_it() {
    let session = session();
    let (first, longest) = AT_ONCE;
    let workers = pool("obeys", "obeys")
        .range(2..=2)
        .batch(8, Duration::from_millis(100));
    let workers = workers
        .restart_after(first, longest)
        .build(&session)
        .unwrap();
    assert!(workers.wait_until_ready(2, SOON));
    let mut pending: Vec<_> = (0..7).map(|_| workers.request("fine").send()).collect();
    pending.insert(3, workers.request("die").send());
    let mut outcomes: Vec<_> = pending.into_iter().map(PendingAnswer::wait).collect();
    assert_eq!(
        outcomes.remove(3),
        Err(RequestError::Poisoned { deaths: 2 })
    );
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(workers.statistics().ended, 2);
}

#[test]
fn a_stopped_worker_is_found_and_its_batch_goes_to_another() {
    let session = session();
    let workers = pool("slow", "slow")
        .range(2..=2)
        .ping_every(Duration::from_millis(100));
    let workers = workers.build(&session).unwrap();
    assert!(workers.wait_until_ready(2, SOON));
    let pending = workers.request("200").send();
    let has_it = || {
        let statistics = workers.statistics();
        let worker = statistics.workers.iter().find(|worker| worker.batches == 1);
        worker.and_then(|worker| worker.pid)
    };
    stop(until(has_it));
    assert_eq!(pending.wait(), Ok(Payload::from("200")));
    assert_eq!(workers.statistics().evicted["silent"], 1);
}

#[test]
fn a_worker_that_takes_too_long_is_replaced() {
    let session = session();
    let workers = pool("slow", "slow")
        .range(1..=1)
        .answer_within(Duration::from_millis(200));
    let workers = workers.build(&session).unwrap();
    let pending = workers.request("60000").send();
    assert_eq!(pending.wait(), Err(RequestError::Poisoned { deaths: 2 }));
    assert_eq!(workers.request("1").send().wait(), Ok(Payload::from("1")));
    assert_eq!(workers.statistics().evicted["late"], 2);
}

#[test]
fn several_workers_that_hang_at_once_fail_only_what_they_had() {
    let session = session();
    let workers = pool("slow", "slow")
        .range(3..=3)
        .answer_within(Duration::from_millis(500));
    let workers = workers.breaker(NEVER).build(&session).unwrap();
    assert!(workers.wait_until_ready(3, SOON));
    let hanging: Vec<_> = (0..3).map(|_| workers.request("60000").send()).collect();
    until(|| (workers.statistics().processing == 3).then_some(()));
    let innocent: Vec<_> = (0..3).map(|_| workers.request("1").send()).collect();
    for pending in hanging {
        assert_eq!(pending.wait(), Err(RequestError::Poisoned { deaths: 2 }));
    }
    for pending in innocent {
        assert_eq!(pending.wait(), Ok(Payload::from("1")));
    }
}

#[test]
fn a_worker_says_why_it_has_died() {
    let session = session();
    let workers = pool("echo", "echo").range(1..=1).build(&session).unwrap();
    assert!(workers.wait_until_ready(1, SOON));
    kill(until(|| workers.statistics().workers.first()?.pid));
    let why = until(|| workers.statistics().workers[0].why_failed.clone());
    assert!(why.contains("SIGKILL"), "{why}");
}

#[test]
fn a_pool_whose_workers_cannot_start_says_why() {
    let session = session();
    let (first, longest) = AT_ONCE;
    for (command, part) in [
        ("/nowhere/worker", "/nowhere/worker"),
        ("/bin/true", "standard error"),
    ] {
        let workers = Workers::builder("none").command([command]).range(1..=1);
        let workers = workers
            .restart_after(first, longest)
            .build(&session)
            .unwrap();
        match workers.request("x").deadline(SOON).send().wait() {
            Err(RequestError::NoWorker { why }) => assert!(why.contains(part), "{why}"),
            other => panic!("{other:?}"),
        }
        let not_ready = workers.statistics().not_ready.unwrap();
        assert!(not_ready.contains(part), "{not_ready}");
    }
    let workers = pool("fails", "fails")
        .range(1..=1)
        .restart_after(first, longest)
        .build(&session)
        .unwrap();
    let error = workers
        .request("x")
        .deadline(SOON)
        .send()
        .wait()
        .unwrap_err();
    assert!(error.to_string().contains("no such model"), "{error}");
}

#[test]
fn failures_in_a_row_open_the_breaker_and_an_answer_closes_it() {
    let session = session();
    let terms = BreakerTerms {
        failures: 3,
        open_for: Duration::from_millis(300),
        longest: Duration::from_millis(300),
        successes: 1,
    };
    let workers = pool("obeys", "obeys")
        .range(1..=1)
        .breaker(terms)
        .build(&session)
        .unwrap();
    for _ in 0..5 {
        // The engine lives and says no.
        assert_eq!(
            workers.request("refuse").send().wait().unwrap_err().kind(),
            "engine"
        );
    }
    for _ in 0..3 {
        assert_eq!(
            workers.request("panic").send().wait().unwrap_err().kind(),
            "engine_broke"
        );
    }
    let refused = workers.request("fine").send().wait().unwrap_err();
    assert_eq!(refused.kind(), "breaker_open");
    assert!(workers.statistics().not_ready.unwrap().contains("breaker"));
    let answered = || workers.request("fine").send().wait().ok();
    assert_eq!(until(answered), Payload::from("fine"));
    assert_eq!(
        (workers.statistics().breaker, workers.statistics().not_ready),
        ("closed", None)
    );
}

#[test]
fn a_wrong_answer_to_the_deep_check_replaces_the_worker() {
    let session = session();
    let asked = std::sync::Arc::new(AtomicU64::new(0));
    let counted = asked.clone();
    let workers = pool("echo", "echo")
        .range(1..=1)
        .restart_after(AT_ONCE.0, AT_ONCE.1);
    let workers = workers.deep_check("check", Duration::from_secs(600), move |answer| {
        // The first worker's is called wrong.
        counted.fetch_add(1, Ordering::Relaxed) > 0 && answer[..] == *b"check"
    });
    let workers = workers.build(&session).unwrap();
    assert_eq!(workers.request("x").send().wait(), Ok(Payload::from("x")));
    let statistics = workers.statistics();
    assert_eq!(
        (
            asked.load(Ordering::Relaxed),
            statistics.evicted["wrong answer"]
        ),
        (2, 1)
    );
    assert_eq!(statistics.accepted, 1, "a check is no request");
}

#[test]
fn when_the_pool_is_dropped_everybody_is_told_and_no_process_is_left() {
    let session = session();
    let workers = pool("slow", "slow")
        .range(2..=2)
        .grace(Duration::from_millis(100))
        .build(&session)
        .unwrap();
    assert!(workers.wait_until_ready(2, SOON));
    let pending: Vec<_> = (0..5).map(|_| workers.request("60000").send()).collect();
    let pids = pids(&workers.statistics());
    drop(workers);
    for pending in pending {
        assert_eq!(pending.wait(), Err(RequestError::Closing));
    }
    assert_eq!(pids.len(), 2);
    for pid in pids {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}

/// Kills at random points under load, with chaos on: every request is answered once, with its own answer, or fails with a
/// type; answers of a source keep their order; nothing is left. ZENOH_PINNED_WORKER_KILLS says how many.
#[test]
fn kills_at_random_lose_and_double_nothing() {
    let kills = std::env::var("ZENOH_PINNED_WORKER_KILLS").ok();
    let kills: u64 = kills.and_then(|kills| kills.parse().ok()).unwrap_or(200);
    let session = session();
    let chaos = Chaos {
        worker_failure_rate: 0.002,
        request_timeout_rate: 0.002,
        memory_pressure_simulation: false,
        network_partition: false,
        seed: 7,
    };
    let workers = pool("busy", "busy")
        .range(4..=4)
        .batch(4, Duration::from_millis(1))
        .queue(256);
    let workers = workers
        .restart_after(AT_ONCE.0, AT_ONCE.1)
        .chaos(chaos)
        .breaker(NEVER);
    let workers = workers.build(&session).unwrap();
    assert!(workers.wait_until_ready(1, SOON));
    let (ends, told) = (
        AtomicBool::new(false),
        Mutex::new(BTreeMap::<&str, u64>::new()),
    );
    let sent = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for source in ["left", "right", "up", "down"] {
            let (workers, ends, told, sent) = (&workers, &ends, &told, &sent);
            scope.spawn(move || {
                let mut number = 0_u64;
                let mut under_way = std::collections::VecDeque::new();
                while !ends.load(Ordering::Relaxed) || !under_way.is_empty() {
                    if under_way.len() < 16 && !ends.load(Ordering::Relaxed) {
                        let request = match number % 4 {
                            0 => {
                                // What killed workers held comes back within seconds.
                                let begun = Instant::now();
                                let mut slot = until(|| match workers.alloc(8192) {
                                    Ok(slot) => Some(slot),
                                    Err(error) => {
                                        if begun.elapsed() > SOON / 2 {
                                            eprintln!("{error} {:?}", workers.statistics());
                                        }
                                        None
                                    }
                                });
                                slot.fill(source.len() as u8);
                                slot[..8].copy_from_slice(&number.to_le_bytes());
                                workers.request(slot)
                            }
                            _ => {
                                let mut bytes = vec![source.len() as u8; 100];
                                bytes[..8].copy_from_slice(&number.to_le_bytes());
                                workers.request(bytes)
                            }
                        };
                        let request = request
                            .in_order_of(source)
                            .priority(Priority::ALL[number as usize % 5]);
                        under_way.push_back((number, request.send()));
                        sent.fetch_add(1, Ordering::Relaxed);
                        number += 1;
                        continue;
                    }
                    let Some((number, pending)) = under_way.pop_front() else {
                        continue;
                    };
                    let later = under_way.iter().position(|(_, later)| later.is_ready());
                    assert!(
                        later.is_none() || pending.is_ready(),
                        "a later answer of a source came first"
                    );
                    let outcome = pending.wait();
                    let kind = match &outcome {
                        Ok(answer) => {
                            assert_eq!(
                                answer[..8],
                                number.to_le_bytes(),
                                "another request's answer"
                            );
                            assert!(answer[8..].iter().all(|byte| *byte == source.len() as u8));
                            "answered"
                        }
                        Err(error) => error.kind(),
                    };
                    *told.lock().unwrap().entry(kind).or_default() += 1;
                }
            });
        }
        let mut random = Random(1);
        let begun = Instant::now();
        let mut killed = 0;
        while killed < kills {
            std::thread::sleep(Duration::from_millis(random.below(20)));
            let statistics = workers.statistics();
            let serving = statistics
                .workers
                .iter()
                .filter(|worker| SERVING.contains(&&*worker.state));
            // Also those that start; but a pool where none ever serves would say so instead of answering.
            let pids = pids(&statistics);
            if serving.count() >= 2 {
                kill(pids[random.below(pids.len() as u64) as usize]);
                killed += 1;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(1200),
                "{killed} kills"
            );
        }
        ends.store(true, Ordering::Relaxed);
    });
    let told = told.into_inner().unwrap();
    println!("{kills} kills: {told:?} of {sent:?}");
    assert_eq!(told.values().sum::<u64>(), sent.into_inner());
    assert!(
        told.keys()
            .all(|kind| ["answered", "poisoned", "expired"].contains(kind)),
        "{told:?}"
    );
    let statistics = workers.statistics();
    assert_eq!(statistics.answered, told["answered"]);
    assert_eq!((statistics.queued, statistics.processing), (0, 0));
    // What was held is free again: all slots can be had at once.
    let free = || {
        let slots: Result<Vec<_>, _> = (0..64).map(|_| workers.alloc(8192)).collect();
        slots.ok()
    };
    drop(until(free));
    let pids = pids(&statistics);
    drop(workers);
    for pid in pids {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}
