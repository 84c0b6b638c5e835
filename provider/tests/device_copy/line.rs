//! Frames that came by a line: what held for others holds for them.

use zenoh_pinned::bindings::line::{Inbox, LaneOwner, LaneState, Line, Outgoing, Overflow, Peer};

use super::*;

struct Ends {
    inbox: Inbox,
    line: Line,
    pool: PinnedPool,
}

fn ends(capacity: usize, pool: PinnedPool, pinner: &Pinner) -> Ends {
    let clients = zenoh_pinned::shm_clients(pinner);
    let inbox = Inbox::new(capacity, Overflow::DropOldest, clients).unwrap();
    let line = open(&inbox);
    inbox.meet(0).unwrap();
    Ends { inbox, line, pool }
}

fn open(inbox: &Inbox) -> Line {
    let owner = LaneOwner {
        process: Peer::this_process().unwrap(),
        source: (1, 2),
        key: String::from("camera"),
        alone: true,
        first: 0,
    };
    Line::open(inbox.address(), &owner).unwrap()
}

fn put(line: &Line, payload: &ZBytes) {
    let outgoing = Outgoing::new(payload, None, None, false).unwrap();
    assert_eq!(line.put(&outgoing), Ok(true));
}

impl Ends {
    fn put(&self, sequence: u64) {
        put(&self.line, &payload(&self.pool, sequence));
    }

    fn take(&self, pinner: &Pinner) -> Frame {
        let delivery = self.inbox.take(0, pinner).unwrap().unwrap();
        delivery.frame.unwrap()
    }
}

#[test]
fn a_slot_that_came_by_a_line_is_not_free_before_the_copy_out_of_it_has_executed() {
    driver::with_driver("copy_delay_us=30000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        let ends = ends(4, pool, &pinner);
        for sequence in 0..5 {
            ends.put(sequence);
            let frame = ends.take(&pinner);
            let device = frame.copy_to_device(&stream).unwrap();
            assert_eq!(frame.path(), DevicePath::Direct);
            drop(frame);
            if !driver::is_real() {
                assert!(matches!(
                    ends.pool.try_alloc(BYTES),
                    Err(AllocError::TimedOut { .. })
                ));
                assert_eq!(pinner.statistics().copies_in_flight, 1);
            }
            // The next frame waits for the hold, and overwrites the slot as soon as it may.
            ends.pool.alloc(BYTES).unwrap().fill(0xee);
            assert!(frames::is_on_device(&stream, &device, sequence));
        }
    })
    .assert_clean();
}

#[test]
fn frames_that_make_room_for_others_are_not_those_that_a_copy_reads() {
    driver::with_driver("copy_delay_us=30000", || {
        let pool = pool(4);
        let (pinner, stream) = registered(&pool);
        let ends = ends(1, pool, &pinner);
        for round in 0..5 {
            ends.put(100 * round);
            let device = ends.take(&pinner).copy_to_device(&stream).unwrap();
            // All slots but that one are written again and again meanwhile.
            (1..20).for_each(|number| ends.put(100 * round + number));
            assert!(frames::is_on_device(&stream, &device, 100 * round));
            let newest = ends.take(&pinner).copy_to_device(&stream).unwrap();
            assert!(frames::is_on_device(&stream, &newest, 100 * round + 19));
        }
        eventually("the holds", || ends.pool.statistics().in_use == 0);
    })
    .assert_clean();
}

#[test]
fn an_inbox_and_its_line_can_go_while_a_copy_reads_what_came_by_them() {
    driver::with_driver("copy_delay_us=30000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        let Ends { inbox, line, pool } = ends(4, pool, &pinner);
        put(&line, &payload(&pool, 7));
        let frame = inbox.take(0, &pinner).unwrap().unwrap().frame.unwrap();
        let device = frame.copy_to_device(&stream).unwrap();
        drop((frame, line, inbox));
        pool.alloc(BYTES).unwrap().fill(0xee);
        assert!(frames::is_on_device(&stream, &device, 7));
    })
    .assert_clean();
}

/// The kernel ends a dead process's DMA with it; the publisher is told and takes the slots back.
#[test]
fn a_reader_that_is_killed_with_copies_open_costs_no_slot() {
    let mut reader = worker::orders("line::worker_with_open_copies")
        .with_driver("copy_delay_us=600000000")
        .start();
    let address = reader.line("address ").parse().unwrap();
    let pool = pool(4);
    let owner = LaneOwner {
        process: Peer::this_process().unwrap(),
        source: (1, 2),
        key: String::from("camera"),
        alone: true,
        first: 0,
    };
    let line = Line::open(address, &owner).unwrap();
    put(&line, &payload(&pool, 0));
    reader.line("attached");
    // Two are read by copies, and two are unread.
    (1..5).for_each(|sequence| put(&line, &payload(&pool, sequence)));
    reader.line("copies");
    assert!(pool.statistics().in_use >= 2, "{:?}", pool.statistics());
    reader.kill();
    eventually("all slots", || {
        let held: Vec<_> = (0..4).map_while(|_| pool.try_alloc(BYTES).ok()).collect();
        held.len() == 4
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_with_open_copies() {
    let (pinner, stream) = device();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let inbox = Inbox::new(4, Overflow::DropOldest, clients).unwrap();
    println!("address {}", inbox.address());
    eventually("a lane", || {
        inbox.state(0) == LaneState::Open && inbox.meet(0).is_ok()
    });
    let take = || {
        eventually("a frame", || inbox.has_unread(0));
        inbox.take(0, &pinner).unwrap().unwrap().frame.unwrap()
    };
    let first = take();
    eventually("the segment is registered", || {
        first.registered_address().is_ok()
    });
    drop(first);
    println!("attached");
    let copies: Vec<_> = (0..2)
        .map(|_| take().copy_to_device(&stream).unwrap())
        .collect();
    println!("copies");
    worker::wait_for_end();
    drop(copies);
}
