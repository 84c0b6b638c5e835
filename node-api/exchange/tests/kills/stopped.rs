//! A writer that is stopped within a message holds up nobody.

use zenoh_pinned_exchange::{ReadError, Ring};

use crate::harness::{
    eventually,
    name::Name,
    numbered::Numbered,
    signal,
    words::{Words, lane_of_ring},
    worker::{self, Worker},
};

/// Stops the writer of a ring until that has happened within a message.
fn stop_within_a_message(worker: &Worker, name: &Name, slots: usize) {
    let words = Words::of(name);
    let lane = lane_of_ring(slots, size_of::<Numbered>());
    loop {
        signal::stop(worker.pid());
        if words.is_within_a_message(lane) {
            return;
        }
        signal::go_on(worker.pid());
    }
}

fn start(name: &Name, slots: usize) -> Worker {
    let mut worker = worker::orders("stopped::worker_writer")
        .with("NAME", &**name)
        .with("SLOTS", slots.to_string())
        .start();
    worker.line("writes");
    worker
}

#[test]
fn the_newest_whole_message_of_a_stopped_writer_is_read_and_so_are_those_before() {
    let name = Name::new();
    let worker = start(&name, 4);
    let mut before = Ring::<Numbered, 4>::attach(&name).unwrap();
    eventually("four messages", || {
        before.newest().unwrap().is_some_and(|m| m.sequence > 4)
    });
    stop_within_a_message(&worker, &name, 4);

    // One that has read nothing yet: the writer may have been stopped in the very next message.
    let mut reader = Ring::<Numbered, 4>::attach(&name).unwrap();
    let newest = reader.newest().unwrap().unwrap();
    assert!(newest.record.is_of(newest.sequence));
    assert!(reader.newest().unwrap().is_none());
    if let Some(message) = before.newest().unwrap() {
        assert_eq!(message.sequence, newest.sequence);
    }
    assert!(before.newest().unwrap().is_none());
    let mut follower = Ring::<Numbered, 4>::attach(&name).unwrap();
    for sequence in newest.sequence - 2..=newest.sequence {
        let message = follower.next().unwrap().unwrap();
        assert_eq!(message.sequence, sequence);
        assert!(message.record.is_of(sequence));
    }
    assert!(follower.next().unwrap().is_none());
    assert_eq!(follower.writer(), Some(worker.pid()));

    signal::go_on(worker.pid());
    eventually("it goes on", || reader.newest().unwrap().is_some());
    worker.end();
}

#[test]
fn a_ring_of_one_slot_has_nothing_to_give_then_and_says_so() {
    let name = Name::new();
    let worker = start(&name, 1);
    let mut reader = Ring::<Numbered, 1>::attach(&name).unwrap();
    eventually("a message", || {
        Words::of(&name).get(lane_of_ring(1, size_of::<Numbered>()).newest) > 0
    });
    stop_within_a_message(&worker, &name, 1);
    for _ in 0..3 {
        assert!(matches!(reader.newest(), Err(ReadError::Overrun)));
        assert!(matches!(reader.next(), Err(ReadError::Overrun)));
    }
    signal::go_on(worker.pid());
    worker.end();
    let last = reader.newest().unwrap().unwrap();
    assert!(last.record.is_of(last.sequence));
}

#[test]
#[ignore = "a worker of another test"]
fn worker_writer() {
    match worker::order("SLOTS").as_str() {
        "1" => write_until_the_end::<1>(),
        "4" => write_until_the_end::<4>(),
        slots => panic!("{slots}"),
    }
}

fn write_until_the_end<const SLOTS: usize>() {
    let name = worker::order("NAME");
    let mut writer = Ring::<Numbered, SLOTS>::create(&name, 0o600).unwrap();
    let end = std::thread::spawn(worker::wait_for_end);
    println!("writes");
    for number in 1.. {
        writer.write(&Numbered::of(number)).unwrap();
        if end.is_finished() {
            break;
        }
    }
    // A reader may come behind the last one: the name stays until the test has it removed.
    std::mem::forget(writer);
}
