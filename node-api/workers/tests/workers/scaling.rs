//! How many workers there are, where they run, and what an application is told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use zenoh_pinned_workers::{Chaos, Payload, PendingAnswer, ScalingTerms};

use crate::pools::{SOON, pool, session, until};

/// So that a test need not wait for it.
const SHORT: Duration = Duration::from_millis(200);

fn terms(least: usize, most: usize) -> ScalingTerms {
    ScalingTerms {
        least,
        most,
        aim_wait: Duration::from_millis(20),
        idle_after: SHORT,
        shrink_after: SHORT,
    }
}

#[test]
fn the_first_request_starts_a_worker_a_load_more_of_them_and_none_is_left_without_one() {
    let session = session();
    let workers = pool("slow", "slow")
        .scaling(terms(0, 4))
        .build(&session)
        .unwrap();
    std::thread::sleep(SHORT);
    assert_eq!(workers.statistics().started, 0);
    assert!(workers.request("1").send().wait().is_ok());
    assert_eq!(workers.statistics().started, 1);
    let pending: Vec<_> = (0..100).map(|_| workers.request("20").send()).collect();
    let most = until(|| {
        let statistics = workers.statistics();
        let alive = statistics
            .workers
            .iter()
            .filter(|worker| worker.state != "dead")
            .count();
        (alive == 4).then_some(statistics)
    });
    assert!(most.wanted >= 4, "{most:?}");
    assert!(
        pending
            .into_iter()
            .map(PendingAnswer::wait)
            .all(|answer| answer.is_ok())
    );
    let none = until(|| {
        let statistics = workers.statistics();
        let gone = statistics
            .workers
            .iter()
            .all(|worker| worker.state == "dead");
        gone.then_some(statistics)
    });
    assert_eq!((none.evicted["surplus"], none.not_ready), (4, None));
    assert!(workers.request("1").send().wait().is_ok());
}

#[test]
fn under_critical_pressure_idle_workers_end_and_come_back_afterwards() {
    let session = session();
    let chaos = Chaos {
        memory_pressure_simulation: true,
        ..Chaos::default()
    };
    let workers = pool("echo", "echo")
        .scaling(terms(2, 2))
        .chaos(chaos)
        .build(&session)
        .unwrap();
    let evicted = until(|| {
        // Something to do now and then, so that the load is looked at more often.
        assert!(workers.request("x").send().wait().is_ok());
        std::thread::sleep(SHORT + SHORT / 2);
        let statistics = workers.statistics();
        statistics
            .evicted
            .contains_key("pressure")
            .then_some(statistics)
    });
    assert!(evicted.evicted["pressure"] >= 1);
    assert!(workers.request("x").deadline(SOON).send().wait().is_ok());
}

#[test]
fn a_worker_with_too_much_memory_is_replaced() {
    let session = session();
    let workers = pool("echo", "echo")
        .range(1..=1)
        .worker_bytes(4096)
        .ping_every(SHORT);
    let workers = workers.build(&session).unwrap();
    until(|| {
        workers
            .statistics()
            .evicted
            .contains_key("memory")
            .then_some(())
    });
    assert!(workers.request("x").send().wait().is_ok());
}

#[test]
fn a_worker_tells_what_it_has_of_processors_node_and_huge_pages() {
    let session = session();
    let workers = pool("processors", "processors")
        .range(1..=1)
        .processors([0])
        .numa(true)
        .huge_pages(true);
    let workers = workers.build(&session).unwrap();
    let answer = workers.request("x").send().wait().unwrap();
    assert_eq!(answer, Payload::from("0 glibc.malloc.hugetlb=1"));
    let placement = workers.statistics().workers[0].placement.clone();
    assert_eq!(placement["processors"], "set: 0");
    assert!(
        placement.contains_key("numa") && placement.contains_key("huge pages"),
        "{placement:?}"
    );
}

#[test]
fn an_application_is_told_of_workers_and_requests() {
    let session = session();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = |what: &'static str| {
        let told = told.clone();
        move |text: String| told.lock().unwrap().push(format!("{what}{text}"))
    };
    let (spawned, ready, evicted, completed) = (
        tell("spawned"),
        tell("ready"),
        tell("evicted"),
        tell("completed"),
    );
    let workers = pool("echo", "echo")
        .range(1..=1)
        .on_spawn(move |worker| spawned(format!(" {}", worker.pool)))
        .on_ready(move |worker| ready(format!(" {}", worker.seat)))
        .on_evict(move |_, reason| evicted(format!(" {reason}")))
        .on_complete(move |request| {
            completed(String::new());
            assert!(request.error.is_none(), "a panic here goes no further");
        });
    let workers = workers.build(&session).unwrap();
    assert!(workers.request("x").send().wait().is_ok());
    drop(workers);
    assert_eq!(
        *told.lock().unwrap(),
        ["spawned echo", "ready 0", "completed", "evicted closing"]
    );
}

#[test]
fn a_worker_that_is_checked_again_is_not_told_of_as_ready_again() {
    let session = session();
    let (ready, checked) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (counts_ready, counts_checked) = (ready.clone(), checked.clone());
    let workers = pool("echo", "echo")
        .range(1..=1)
        .ping_every(Duration::from_millis(20))
        .deep_check(vec![7; 1 << 20], Duration::from_millis(20), move |answer| {
            counts_checked.fetch_add(1, Ordering::Relaxed);
            answer.len() == 1 << 20
        })
        .on_ready(move |_| _ = counts_ready.fetch_add(1, Ordering::Relaxed));
    let workers = workers.build(&session).unwrap();
    until(|| (checked.load(Ordering::Relaxed) >= 5).then_some(()));
    assert!(workers.request("x").send().wait().is_ok());
    assert_eq!(ready.load(Ordering::Relaxed), 1);
}

#[test]
fn times_that_are_meant_to_be_endless_are_no_fault() {
    let (session, endless) = (session(), Duration::MAX);
    let workers = pool("obeys", "obeys")
        .range(1..=1)
        .batch(1, endless)
        .deadline(endless)
        .load_within(endless)
        .answer_within(endless)
        .grace(endless)
        .restart_after(Duration::from_millis(1), endless)
        .ping_every(endless)
        .deep_check("fine", endless, |answer| answer[..] == *b"fine");
    let workers = workers.build(&session).unwrap();
    let answer = workers.request("fine").deadline(endless).send().wait();
    assert_eq!(answer, Ok(Payload::from("fine")));
    assert_eq!(
        workers.request("die").send().wait().unwrap_err().kind(),
        "poisoned"
    );
    assert_eq!(
        workers.request("fine").send().wait(),
        Ok(Payload::from("fine"))
    );
}

#[test]
fn messages_that_a_partition_loses_cost_no_more_than_a_deadline() {
    let session = session();
    let chaos = Chaos {
        network_partition: true,
        ..Chaos::default()
    };
    let workers = pool("echo", "echo")
        .range(2..=2)
        .chaos(chaos)
        .answer_within(SHORT);
    let workers = workers.restart_after(Duration::from_millis(1), Duration::from_millis(20));
    let workers = workers.build(&session).unwrap();
    assert!(workers.wait_until_ready(2, SOON));
    let (answered, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..50_u64 {
                    let request = workers.request(number.to_le_bytes()).deadline(2 * SHORT);
                    match request.send().wait() {
                        Ok(answer) => {
                            assert_eq!(answer[..], number.to_le_bytes());
                            answered.fetch_add(1, Ordering::Relaxed)
                        }
                        Err(error) => {
                            assert!(
                                ["expired", "poisoned", "breaker_open"].contains(&error.kind()),
                                "{error}"
                            );
                            failed.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                }
            });
        }
    });
    assert_eq!(
        answered.load(Ordering::Relaxed) + failed.load(Ordering::Relaxed),
        200
    );
    assert!(answered.into_inner() > 0 && failed.into_inner() > 0);
}
