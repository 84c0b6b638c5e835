//! Both ends in this process.

use std::time::Instant;

use crate::harness::eventually;

use super::*;

#[test]
fn slots_come_back_although_the_lane_was_given_back_before_its_publisher_looked() {
    let (inbox, pinner) = inbox(4, Overflow::DropOldest);
    let pool = pool(8);
    for round in 0..20 {
        let line = open(inbox.address());
        inbox.meet(0).unwrap();
        for sequence in 0..3 {
            put(&line, &pool, sequence).unwrap();
        }
        drop(line);
        while take(&inbox, 0, &pinner).is_some() {}
        inbox.release(0);
        eventually("the slots of a lane that was given back", || {
            pool.statistics().in_use == 0
        });
        println!("round {round}");
    }
}

#[test]
fn a_lane_that_somebody_else_has_by_now_says_nothing_of_what_its_last_publisher_keeps() {
    let (inbox, pinner) = inbox(4, Overflow::DropOldest);
    let pools = [pool(8), pool(8)];
    let first = open(inbox.address());
    inbox.meet(0).unwrap();
    put(&first, &pools[0], 0).unwrap();
    drop(first);
    assert_eq!(take(&inbox, 0, &pinner), Some(Ok(0)));
    inbox.release(0);
    let second = open(inbox.address());
    inbox.meet(0).unwrap();
    for sequence in 0..3 {
        put(&second, &pools[1], sequence).unwrap();
    }
    eventually("the first one's", || pools[0].statistics().in_use == 0);
    assert_eq!(pools[1].statistics().in_use, 3);
    for sequence in 0..3 {
        assert_eq!(take(&inbox, 0, &pinner), Some(Ok(sequence)));
    }
    assert_eq!(pools[1].statistics().in_use, 0);
}

#[test]
fn a_publisher_does_not_wait_for_room_at_a_reader_that_has_closed() {
    let (inbox, _pinner) = inbox(2, Overflow::Refuse);
    let line = open(inbox.address());
    let pool = pool(4);
    for sequence in 0..2 {
        assert_eq!(put(&line, &pool, sequence), Ok(true));
    }
    assert!(!line.has_room());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| line.wait_for_room(PATIENCE));
        let closing = Instant::now();
        inbox.close();
        assert!(waiting.join().unwrap(), "the put is to find out");
        println!("{:?}", closing.elapsed());
    });
    assert_eq!(put(&line, &pool, 2), Err(NoLine::Ended));
    assert_eq!(pool.statistics().in_use, 0);
}
