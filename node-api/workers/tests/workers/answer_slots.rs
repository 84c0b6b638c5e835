//! Answers that are written into a slot of whoever asked.

use std::time::Duration;

use zenoh_pinned::{AllocError, PinnedPool};
use zenoh_pinned_workers::BatchRequest;

use crate::{
    engines::{place_of, serve},
    pools::{SOON, kill, pool, session, until},
};

const BYTES: usize = 3 << 20;

/// Writes half of the slot, waits, and then writes the rest.
#[test]
#[ignore = "the process of a worker"]
fn writes_slowly() {
    serve(|batch| {
        let request = &batch[0];
        let mut slot = request.answer_slot().unwrap();
        let half = slot.len() / 2;
        slot[..half].fill(std::process::id() as u8);
        std::thread::sleep(Duration::from_millis(500));
        slot.fill(request.payload[0]);
        let bytes = slot.len();
        vec![Ok(slot.written(bytes))]
    });
}

/// A pool of one slot.
fn one_slot() -> PinnedPool {
    let pool = PinnedPool::builder().slots(1).slot_bytes(BYTES);
    pool.build().unwrap()
}

fn command(engine: &str) -> Vec<String> {
    crate::pools::command_of(&format!("answer_slots::{engine}"))
}

#[test]
fn an_answer_is_written_into_the_slot_of_whoever_asked_and_the_slot_comes_back() {
    let session = session();
    let workers = pool("inverts", "inverts").range(1..=1);
    let workers = workers.build(&session).unwrap();
    let answers = one_slot();
    for round in 0..20_u8 {
        let mut frame = workers.alloc(BYTES).unwrap();
        frame.fill(round);
        let slot = answers.alloc(BYTES).unwrap();
        let place = place_of(&slot);
        let answer = workers.request(frame).answer_in(slot).send().wait();
        let answer = answer.unwrap();
        assert_eq!((answer.len(), answer.is_shared()), (BYTES - 1, true));
        assert_eq!(place_of(&answer), place);
        assert!(answer[..BYTES - 2].iter().all(|byte| *byte == !round));
        assert_eq!(answer[BYTES - 2], 1, "the slot itself was lent");
        let held = answers.try_alloc(BYTES);
        assert!(matches!(held, Err(AllocError::TimedOut { .. })));
    }
    until(|| answers.try_alloc(BYTES).ok());
    assert!(workers.statistics().failed.is_empty());
}

#[test]
fn an_answer_goes_on_to_the_next_pool_without_a_copy() {
    let session = session();
    let first = pool("inverts", "inverts").range(1..=1);
    let first = first.build(&session).unwrap();
    let second = pool("place", "place").range(1..=1).build(&session).unwrap();
    let slot = first.alloc(BYTES).unwrap();
    let place = place_of(&slot);
    let frame = first.alloc(BYTES).unwrap();
    let answer = first.request(frame).answer_in(slot).send().wait().unwrap();
    let told = second.request(answer).send().wait().unwrap();
    assert_eq!(String::from_utf8_lossy(&told), place);
}

#[test]
fn ordinary_answers_are_laid_into_the_slot_where_they_fit() {
    let session = session();
    let workers = pool("echo", "echo").range(1..=1).build(&session).unwrap();
    let asked = |slot_bytes| {
        let slot = workers.alloc(slot_bytes).unwrap();
        let place = place_of(&slot);
        // Of a message: in ordinary memory there.
        let request = workers.request(vec![7; 4000]).answer_in(slot);
        (request.send().wait().unwrap(), place)
    };
    let (answer, _) = asked(BYTES);
    assert!(answer[..] == [7; 4000] && !answer.is_shared());
    let grows = pool("grows", "").command(command("grows")).range(1..=1);
    let grows = grows.build(&session).unwrap();
    for (slot_bytes, is_there) in [(BYTES, true), (5000, true), (4999, false)] {
        let slot = workers.alloc(slot_bytes).unwrap();
        let place = place_of(&slot);
        let answer = grows.request("5000").answer_in(slot).send().wait().unwrap();
        assert!(answer[..] == [9; 5000] && answer.is_shared());
        assert_eq!(place_of(&answer) == place, is_there, "{slot_bytes}");
    }
}

/// Gives as many bytes as it is told, in ordinary memory.
#[test]
#[ignore = "the process of a worker"]
fn grows() {
    serve(|batch| {
        let bytes = |request: &BatchRequest| String::from_utf8_lossy(&request.payload).parse();
        let answers = batch
            .iter()
            .map(|request| Ok(vec![9; bytes(request)?].into()));
        answers.collect()
    });
}

#[test]
fn short_and_empty_answers_and_slots_in_ordinary_memory_are_no_special_case() {
    let session = session();
    let workers = pool("inverts", "inverts").range(1..=1);
    let workers = workers.build(&session).unwrap();
    for bytes in [2_usize, 4096, 4097, 4098] {
        let slot = workers.alloc(bytes).unwrap();
        let request = workers.request(vec![1; bytes]).answer_in(slot);
        let answer = request.send().wait().unwrap();
        assert_eq!((answer.len(), answer[bytes - 2]), (bytes - 1, 1), "{bytes}");
    }
    let none = workers.request(vec![1; 100]).send().wait();
    assert!(none.is_err_and(|error| error.to_string().contains("no slot")));
}

#[test]
fn a_slot_is_lent_to_another_worker_only_when_the_first_has_ended() {
    let session = session();
    let workers = pool("slow", "")
        .command(command("writes_slowly"))
        .range(2..=2);
    let workers = workers.restart_after(Duration::from_millis(1), SOON);
    let workers = workers.build(&session).unwrap();
    assert!(workers.wait_until_ready(2, SOON));
    let answers = one_slot();
    let slot = answers.alloc(BYTES).unwrap();
    let pending = workers.request([42]).answer_in(slot).send();
    let pid = until(|| {
        let pool = workers.statistics();
        let mut busy = pool.workers.iter().filter(|worker| worker.batches > 0);
        busy.next().and_then(|worker| worker.pid)
    });
    std::thread::sleep(Duration::from_millis(100));
    kill(pid);
    let answer = pending.wait().unwrap();
    assert!(answer.len() == BYTES && answer.iter().all(|byte| *byte == 42));
    drop(answer);
    until(|| answers.try_alloc(BYTES).ok());
}

#[test]
fn a_request_that_expires_while_it_is_written_keeps_its_slot_until_the_worker_is_done() {
    let session = session();
    let workers = pool("slow", "")
        .command(command("writes_slowly"))
        .range(1..=1);
    let workers = workers.build(&session).unwrap();
    assert!(workers.wait_until_ready(1, SOON));
    let answers = one_slot();
    let slot = answers.alloc(BYTES).unwrap();
    let request = workers.request([42]).answer_in(slot);
    let expired = request.deadline(Duration::from_millis(150)).send();
    assert!(expired.wait().is_err());
    assert!(answers.try_alloc(BYTES).is_err(), "the worker writes in it");
    until(|| answers.try_alloc(BYTES).ok());
}

#[test]
fn no_slot_is_lent_to_a_process_that_another_one_has_started() {
    let session = session();
    let script = "\"$@\" & trap \"kill $!\" TERM; wait";
    let wrapped = ["sh", "-c", script, "sh"].map(String::from);
    let wrapped = wrapped.into_iter().chain(crate::pools::command("inverts"));
    let workers = pool("inverts", "").command(wrapped).range(1..=1);
    let workers = workers.build(&session).unwrap();
    let slot = workers.alloc(BYTES).unwrap();
    let place = place_of(&slot);
    let frame = workers.alloc(BYTES).unwrap();
    let answer = workers.request(frame).answer_in(slot).send().wait();
    let answer = answer.unwrap();
    assert_eq!((answer.len(), answer[BYTES - 2]), (BYTES - 1, 0), "its own");
    assert_ne!(place_of(&answer), place);
}

#[test]
fn requests_with_slots_have_no_twins() {
    let session = session();
    let workers = pool("slow", "").command(command("writes_slowly"));
    let workers = workers.range(1..=1).build(&session).unwrap();
    let asked = [(); 2].map(|()| {
        let slot = workers.alloc(8192).unwrap();
        let place = place_of(&slot);
        let request = workers.request([42]).deduplicate();
        (request.answer_in(slot).send(), place)
    });
    for (pending, place) in asked {
        assert_eq!(place_of(&pending.wait().unwrap()), place);
    }
}
