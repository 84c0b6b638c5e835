//! Requests and their answers, while all is well and where engines fail.

use std::time::{Duration, Instant};

use zenoh_pinned_workers::{Payload, PendingAnswer, Priority, RequestError};

use crate::{
    engines::place_of,
    pools::{SOON, pool, session, until},
};

#[test]
fn a_request_is_answered_and_its_worker_ends_with_the_pool() {
    let session = session();
    let workers = pool("echo", "echo").range(1..=1).build(&session).unwrap();
    let answer = workers
        .request("hello")
        .priority(Priority::High)
        .send()
        .wait();
    assert_eq!(&answer.unwrap()[..], b"hello");
    let pid = workers.statistics().workers[0].pid.unwrap();
    drop(workers);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_frame_reaches_its_worker_and_comes_back_without_a_copy() {
    let session = session();
    let workers = pool("place", "place").range(1..=1).build(&session).unwrap();
    let mut slot = workers.alloc(8_294_400).unwrap();
    slot.fill(7);
    let place = place_of(&slot);
    let answer = workers.request(slot).send().wait().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), place);
    let echo = pool("echo", "echo").range(1..=1).build(&session).unwrap();
    let mut slot = workers.alloc(8_294_400).unwrap();
    slot[8_294_399] = 9;
    let place = place_of(&slot);
    let answer = echo.request(slot).send().wait().unwrap();
    assert!(answer.is_shared() && answer[8_294_399] == 9);
    assert_eq!(place_of(&answer), place);
}

#[test]
fn long_ordinary_memory_is_laid_into_a_slot_and_a_short_one_goes_in_the_message() {
    let session = session();
    let workers = pool("echo", "echo").range(1..=1).build(&session).unwrap();
    for bytes in [0, 1, 400, 4096, 4097, 3 << 20] {
        let sent: Vec<u8> = (0..bytes).map(|at| at as u8).collect();
        let answer = workers.request(sent.clone()).send().wait().unwrap();
        assert_eq!(
            (answer[..] == sent[..], answer.is_shared()),
            (true, bytes > 4096),
            "{bytes}"
        );
    }
}

#[test]
fn an_engine_that_refuses_panics_or_forgets_fails_its_requests_and_no_others() {
    let session = session();
    let workers = pool("obeys", "obeys").range(1..=1).build(&session).unwrap();
    let told = |word: &str| workers.request(word).send().wait();
    for (word, part) in [
        ("refuse", "no"),
        ("panic", "it panicked"),
        ("few", "no answer"),
    ] {
        match told(word) {
            Err(RequestError::Engine { message }) if word == "refuse" => assert_eq!(message, part),
            Err(RequestError::EngineBroke { message }) => {
                assert!(message.contains(part), "{message}")
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(told("fine"), Ok(Payload::from("fine")));
    }
    assert_eq!(workers.statistics().started, 1);
}

#[test]
fn an_answer_has_a_few_bytes_beside_it() {
    let session = session();
    let workers = pool("obeys", "obeys").range(1..=1).build(&session).unwrap();
    let answer = workers.request("attach").send().wait().unwrap();
    assert_eq!(
        (&answer[..], answer.attachment()),
        (&b"attach"[..], &[5; 1024][..])
    );
    match workers.request("attach too much").send().wait() {
        Err(RequestError::EngineBroke { message }) => assert!(message.contains("1025 bytes")),
        other => panic!("{other:?}"),
    }
    let plain = workers.request("plain").send().wait().unwrap();
    assert!(plain.attachment().is_empty());
}

#[test]
fn requests_that_wait_together_are_one_batch() {
    let session = session();
    let workers = pool("who", "who")
        .range(1..=1)
        .batch(8, Duration::from_millis(500));
    let workers = workers.build(&session).unwrap();
    let pending: Vec<_> = (0..8).map(|_| workers.request("x").send()).collect();
    for answer in pending.into_iter().map(PendingAnswer::wait) {
        assert!(String::from_utf8_lossy(&answer.unwrap()).ends_with(" 8"));
    }
    let begun = Instant::now();
    let alone = workers.request("x").send().wait().unwrap();
    assert!(String::from_utf8_lossy(&alone).ends_with(" 1"));
    assert!(
        begun.elapsed() >= Duration::from_millis(500),
        "it waits for others"
    );
    let urgent = workers.request("x").priority(Priority::Critical).send();
    assert!(urgent.wait().is_ok());
    assert_eq!(workers.statistics().batches, 3);
}

#[test]
fn keys_are_not_mixed_and_twins_share_an_answer() {
    let session = session();
    let workers = pool("who", "who")
        .range(1..=1)
        .batch(8, Duration::from_millis(300));
    let workers = workers.build(&session).unwrap();
    assert!(workers.wait_until_ready(1, SOON));
    let keyed = |key| workers.request("x").key(key).send();
    let pending = [keyed("a"), keyed("b"), keyed("a")];
    let sizes = pending.map(|pending| pending.wait().unwrap());
    let sizes = sizes.map(|answer| String::from_utf8_lossy(&answer).ends_with(" 2"));
    assert_eq!(sizes, [true, false, true]);
    let twin = || workers.request("same").deduplicate().send();
    let pending = [twin(), twin(), twin()];
    for answer in pending.map(PendingAnswer::wait) {
        assert!(String::from_utf8_lossy(&answer.unwrap()).ends_with(" 1"));
    }
}

#[test]
fn answers_of_a_source_keep_their_order() {
    let session = session();
    let workers = pool("slow", "slow").range(3..=3).build(&session).unwrap();
    assert!(workers.wait_until_ready(3, SOON));
    // The first takes longest, so that the others are there before it.
    let pending: Vec<_> = [300, 100, 1]
        .map(|took| {
            workers
                .request(took.to_string().as_str())
                .in_order_of("camera")
                .send()
        })
        .into();
    let (told, order) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for (number, pending) in pending.into_iter().enumerate() {
            let told = told.clone();
            scope.spawn(move || {
                pending.wait().unwrap();
                told.send((number, Instant::now())).unwrap();
            });
        }
    });
    let mut order: Vec<_> = order.try_iter().collect();
    order.sort_by_key(|(number, _)| *number);
    let spread = order[2].1.saturating_duration_since(order[0].1);
    let after = order[0].1.saturating_duration_since(order[2].1);
    assert!(
        after < Duration::from_millis(50) && spread < Duration::from_millis(50),
        "{order:?}"
    );
}

#[test]
fn a_full_queue_refuses_and_what_expires_costs_no_worker() {
    let session = session();
    let workers = pool("slow", "slow")
        .range(1..=1)
        .queue(4)
        .build(&session)
        .unwrap();
    assert!(workers.wait_until_ready(1, SOON));
    let first = workers.request("400").send();
    let short = |_| {
        workers
            .request("1")
            .deadline(Duration::from_millis(50))
            .send()
    };
    let expiring: Vec<_> = (0..3).map(short).collect();
    let refused = workers.request("1").send().wait();
    assert_eq!(refused, Err(RequestError::Full { queued: 4 }));
    for pending in expiring {
        assert_eq!(pending.wait(), Err(RequestError::Expired));
    }
    assert!(workers.request("1").send().wait().is_ok());
    assert!(first.wait().is_ok());
    let statistics = workers.statistics();
    assert_eq!(
        (statistics.accepted, statistics.answered, statistics.batched),
        (5, 2, 2)
    );
    assert_eq!(
        (statistics.failed["expired"], statistics.refused["full"]),
        (3, 1)
    );
}

#[test]
fn a_task_can_await_its_answer() {
    let session = session();
    let workers = pool("echo", "echo").range(0..=1).build(&session).unwrap();
    let answer = futures::executor::block_on(async { workers.request("here").await });
    assert_eq!(answer, Ok(Payload::from("here")));
}

#[test]
fn what_is_too_large_is_refused_with_its_bound() {
    let session = session();
    let workers = pool("echo", "echo").range(0..=1).build(&session).unwrap();
    let refused = workers
        .request("x")
        .attachment(vec![0; 1025])
        .send()
        .wait()
        .unwrap_err();
    assert_eq!(refused.kind(), "too_large");
    assert!(refused.to_string().contains("1024"), "{refused}");
}

#[test]
fn fifty_pools_serve_beside_each_other() {
    let session = session();
    let pools: Vec<_> = (0..50)
        .map(|at| {
            pool(&format!("pool-{at}"), "echo")
                .range(0..=1)
                .build(&session)
                .unwrap()
        })
        .collect();
    let pending: Vec<_> = pools
        .iter()
        .map(|pool| pool.request(pool.name()).send())
        .collect();
    for (pool, pending) in pools.iter().zip(pending) {
        assert_eq!(&pending.wait().unwrap()[..], pool.name().as_bytes());
    }
}

#[test]
fn what_a_pool_shows_is_what_others_read() {
    let session = session();
    let workers = pool("shown", "obeys").range(1..=1).build(&session).unwrap();
    for word in ["fine", "refuse", "panic"] {
        let _ = workers.request(word).send().wait();
    }
    let said = until(|| {
        let seen = zenoh_pinned_observe::observe_workers().unwrap();
        // Others' may be there, of tests that were killed.
        let is_own = |file: &str| file.ends_with("-shown.json");
        assert!(
            !seen
                .unreadable
                .iter()
                .any(|unreadable| is_own(&unreadable.file))
        );
        let own = |pool: &zenoh_pinned_observe::ObservedPool| pool.said.name == "shown";
        let said = seen.pools.into_iter().find(own)?.said;
        (said.accepted == 3).then_some(said)
    });
    let own = workers.statistics();
    assert_eq!((said.answered, &said.failed), (own.answered, &own.failed));
    assert_eq!(said.request_seconds.buckets, own.request_seconds.buckets);
    assert_eq!(said.request_seconds.bounds, own.request_seconds.bounds);
    assert_eq!(
        (said.breaker, said.pressure),
        (own.breaker.into(), own.pressure)
    );
    assert_eq!(said.workers[0].state, own.workers[0].state);
    assert_eq!(said.workers[0].pid, own.workers[0].pid);
}
