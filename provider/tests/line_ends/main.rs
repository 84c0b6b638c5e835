//! What is left of a line when one of its ends goes: closed, killed, stopped, exited or forked, with frames unread.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod ends;
mod publisher;
mod reader;
mod together;

use std::time::Duration;

use zenoh_pinned::{
    PinnedPool, Pinner,
    bindings::line::{Inbox, InboxAddress, LaneOwner, Line, NoLine, Outgoing, Overflow, Peer},
    shm_clients,
};

const PATIENCE: Duration = Duration::from_secs(60);
const BYTES: usize = 4096;

fn inbox(capacity: usize, overflow: Overflow) -> (Inbox, Pinner) {
    let pinner = Pinner::host_only();
    let inbox = Inbox::new(capacity, overflow, shm_clients(&pinner)).unwrap();
    (inbox, pinner)
}

fn open(address: InboxAddress) -> Line {
    let owner = LaneOwner {
        process: Peer::this_process().unwrap(),
        source: (1, 2),
        key: String::from("camera"),
        alone: true,
        first: 0,
    };
    Line::open(address, &owner).unwrap()
}

fn pool(slots: u32) -> PinnedPool {
    PinnedPool::builder()
        .slots(slots)
        .slot_bytes(BYTES)
        .wait(PATIENCE)
        .linger(PATIENCE)
        .build()
        .unwrap()
}

fn put(line: &Line, pool: &PinnedPool, sequence: u64) -> Result<bool, NoLine> {
    let mut slot = pool.alloc(BYTES).unwrap();
    harness::frames::fill(&mut slot, sequence);
    let payload = slot.into_shm();
    line.put(&Outgoing::new(&payload, None, None, false)?)
}

/// What a lane gives: which frame, by its bytes; `None` where there is nothing.
fn take(inbox: &Inbox, lane: usize, pinner: &Pinner) -> Option<Result<u64, String>> {
    let delivery = inbox.take(lane, pinner).unwrap()?;
    let number = delivery.number;
    Some(match delivery.frame {
        Ok(frame) => {
            assert!(harness::frames::is_frame(&frame, number), "torn: {number}");
            Ok(number)
        }
        Err(error) => Err(format!("{error:?}")),
    })
}
