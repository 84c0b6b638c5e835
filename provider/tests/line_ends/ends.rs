//! One end in a process of its own, which ends in various ways.

use crate::harness::{eventually, signal};

use super::*;

#[test]
fn unread_frames_come_back_when_the_reader_is_killed_and_what_it_holds_with_them() {
    let (mut reader, address) = reader::start(4);
    let line = open(address);
    let pool = pool(8);
    assert_eq!(reader::ask(&mut reader, "meet"), "true");
    for sequence in 0..4 {
        put(&line, &pool, sequence).unwrap();
    }
    assert_eq!(reader::ask(&mut reader, "hold"), "held");
    assert_eq!(pool.statistics().in_use, 4);
    signal::stop(reader.pid());
    assert_eq!(
        pool.statistics().in_use,
        4,
        "a stopped reader reads on one day"
    );
    reader.kill();
    eventually("the slots of a dead reader", || {
        pool.statistics().in_use == 0
    });
    assert_eq!(put(&line, &pool, 4), Err(NoLine::Ended));
}

#[test]
fn frames_of_a_line_that_was_closed_come_back_when_their_reader_is_killed() {
    let (mut reader, address) = reader::start(4);
    let line = open(address);
    let pool = pool(8);
    for sequence in 0..3 {
        put(&line, &pool, sequence).unwrap();
    }
    drop(line);
    assert_eq!(pool.statistics().in_use, 3, "it may still read them");
    reader.kill();
    eventually("the slots of a dead reader", || {
        pool.statistics().in_use == 0
    });
}

#[test]
fn a_dead_readers_forked_child_keeps_nothing() {
    let (mut reader, address) = reader::start(4);
    let line = open(address);
    let pool = pool(8);
    for sequence in 0..3 {
        put(&line, &pool, sequence).unwrap();
    }
    let child: i32 = reader::ask(&mut reader, "fork").parse().unwrap();
    reader.kill();
    eventually("the slots of a dead reader", || {
        pool.statistics().in_use == 0
    });
    // SAFETY: the sleeping grandchild of this test.
    assert_eq!(unsafe { libc::kill(child, libc::SIGKILL) }, 0);
}

#[test]
fn a_stopped_reader_costs_its_capacity_and_what_it_holds_however_long() {
    let (mut reader, address) = reader::start(3);
    let line = open(address);
    let pool = pool(6);
    assert_eq!(reader::ask(&mut reader, "meet"), "true");
    put(&line, &pool, 0).unwrap();
    assert_eq!(reader::ask(&mut reader, "hold"), "held");
    signal::stop(reader.pid());
    for sequence in 1..500 {
        assert_eq!(put(&line, &pool, sequence), Ok(true));
        assert!(pool.statistics().in_use <= 4);
    }
    signal::go_on(reader.pid());
    for sequence in 497..500 {
        let expected = format!("Some(Ok({sequence}))");
        assert_eq!(reader::ask(&mut reader, "take"), expected);
    }
    assert_eq!(pool.statistics().in_use, 1);
}

#[test]
fn what_a_killed_publisher_had_put_is_read_where_its_memory_is_mapped() {
    let (inbox, pinner) = inbox(8, Overflow::DropOldest);
    let mut publisher = publisher::start(inbox.address(), 8);
    inbox.meet(0).unwrap();
    publisher::put_all(&mut publisher, 4);
    assert_eq!(take(&inbox, 0, &pinner), Some(Ok(0)));
    publisher.kill();
    let rest: Vec<_> = std::iter::from_fn(|| take(&inbox, 0, &pinner)).collect();
    assert_eq!(rest.len(), 3, "{rest:?}");
    for (sequence, taken) in (1..).zip(&rest) {
        // zenoh gives up what nobody has confirmed for a tenth of a second.
        let is_typed = taken.as_ref().is_err_and(|error| error == "Invalidated");
        assert!(*taken == Ok(sequence) || is_typed, "{rest:?}");
    }
}

#[test]
fn a_publisher_that_exits_stays_until_what_it_put_has_been_read() {
    for how in [
        "with everything",
        "without its line",
        "without its pool",
        "without either",
    ] {
        let (inbox, pinner) = inbox(8, Overflow::DropOldest);
        let mut publisher = publisher::start(inbox.address(), 8);
        inbox.meet(0).unwrap();
        publisher::put_all(&mut publisher, 5);
        publisher.tell(&format!("exit {how}"));
        let taken: Vec<_> = (0..5).map(|_| take(&inbox, 0, &pinner)).collect();
        let expected: Vec<_> = (0..5).map(|sequence| Some(Ok(sequence))).collect();
        assert_eq!(taken, expected, "{how}");
        assert!(publisher.status().success(), "{how}");
    }
}

#[test]
fn a_forked_child_of_a_publisher_gives_nothing_back_and_ends_no_line() {
    let (inbox, pinner) = inbox(8, Overflow::DropOldest);
    let mut publisher = publisher::start(inbox.address(), 8);
    inbox.meet(0).unwrap();
    publisher::put_all(&mut publisher, 3);
    publisher.tell("fork");
    publisher.line("has forked");
    for sequence in 0..3 {
        assert_eq!(take(&inbox, 0, &pinner), Some(Ok(sequence)));
    }
    assert_eq!(
        inbox.state(0),
        zenoh_pinned::bindings::line::LaneState::Open
    );
    publisher.kill();
}
