//! What a host shows to whoever looks, without asking anybody.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{io::Write, os::unix::fs::PermissionsExt, path::Path};

use harness::{attack, eventually, frames, host, peer, worker};
use zenoh::Wait;
use zenoh_pinned::{
    Frame, PinnedPool, Pinner,
    bindings::{
        line::{Inbox, LaneOwner, Line, Outgoing, Overflow, Peer},
        observation::{
            Observation, ObservedProcess, ObservedQueue, ObservedSegment, SlotState, observe,
        },
    },
};

const BYTES: usize = 64 << 10;

fn pool(name: &str, slots: u32) -> PinnedPool {
    let builder = PinnedPool::builder().name(name).slots(slots);
    builder.slot_bytes(BYTES).build().unwrap()
}

fn segment(seen: &Observation, pool: &str) -> ObservedSegment {
    let of_pool: Vec<_> = seen
        .segments
        .iter()
        .filter(|segment| segment.pool == pool)
        .collect();
    assert_eq!(of_pool.len(), 1, "{seen:?}");
    of_pool[0].clone()
}

fn process(seen: &Observation, pid: u32) -> Option<ObservedProcess> {
    let mut processes = seen.processes.iter();
    processes.find(|listed| listed.process.pid == pid).cloned()
}

fn held(segment: &ObservedSegment) -> usize {
    let is_held = |slot: &&SlotState| matches!(slot, SlotState::Held { .. });
    segment.slots.iter().filter(is_held).count()
}

fn unconfirmed(segment: &ObservedSegment) -> usize {
    let is_unconfirmed = |slot: &&SlotState| matches!(slot, SlotState::Unconfirmed { .. });
    segment.slots.iter().filter(is_unconfirmed).count()
}

#[test]
fn a_pools_slots_are_seen_with_who_has_them_and_what_each_process_counts() {
    let endpoint = peer::endpoint();
    let orders = worker::orders("worker_that_keeps_one_of_two").with("ENDPOINT", &endpoint);
    let mut consumer = orders.start();
    consumer.line("listening");
    let session = peer::open(peer::connecting(&endpoint), None);
    let publisher = peer::publisher(&session, "kept");
    let pool = pool("observed", 5);
    let unsent = pool.alloc(BYTES).unwrap();
    for sequence in 0..2 {
        let mut slot = pool.alloc(BYTES).unwrap();
        frames::fill(&mut slot, sequence);
        publisher.put(slot.into_shm()).wait().unwrap();
    }
    consumer.line("one is kept");
    eventually("the slot that is not kept is free", || {
        pool.holders().sent == 1
    });
    let seen = observe().unwrap();
    let segment = segment(&seen, "observed");
    assert_eq!(
        (segment.slots.len(), held(&segment), unconfirmed(&segment)),
        (5, 2, 0)
    );
    assert_eq!(segment.slot_bytes, BYTES as u64);
    assert_eq!(segment.producer.pid, std::process::id());
    assert!(segment.producer.lives && !segment.producer.name.is_empty());
    let attached: Vec<_> = segment.attached.iter().map(|process| process.pid).collect();
    assert_eq!(attached, [consumer.pid()]);
    assert!(seen.usage.memory_bytes >= segment.bytes && seen.shared_memory.is_some());
    eventually("both show what they count", || {
        let seen = observe().unwrap();
        let figures = |pid| process(&seen, pid).and_then(|listed| listed.figures);
        let (Some(producer), Some(consumer)) =
            (figures(std::process::id()), figures(consumer.pid()))
        else {
            return false;
        };
        let own = producer.pools.iter().find(|pool| pool.name == "observed");
        // One of the two has been dropped, and only then is it known which way it took.
        own.is_some_and(|pool| (pool.allocations, pool.in_use, pool.slots) == (3, 2, 5))
            && consumer.frames.host == 1
            && consumer.reasons.iter().any(|reason| {
                (reason.kind, reason.frames) == ("host_only", 1)
                    && reason.latest == "the application asked for no device"
            })
    });
    consumer.kill();
    eventually(
        "what a dead consumer held is seen as held by nobody, or is back",
        || {
            let segment = self::segment(&observe().unwrap(), "observed");
            segment.attached.is_empty() && (unconfirmed(&segment), held(&segment)) != (0, 2)
        },
    );
    eventually("the slot is back", || {
        held(&self::segment(&observe().unwrap(), "observed")) == 1
    });
    drop(unsent);
    drop(pool);
    let is_gone = |seen: Observation| {
        !seen
            .segments
            .iter()
            .any(|segment| segment.pool == "observed")
    };
    eventually("a pool that has gone is not seen", || {
        is_gone(observe().unwrap())
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_keeps_one_of_two() {
    let pinner = Pinner::host_only();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session.declare_subscriber("kept").wait().unwrap();
    println!("listening");
    let frame = || {
        let sample = subscriber.recv().unwrap();
        Frame::from_payload(sample.payload(), &pinner).unwrap()
    };
    let kept = frame();
    drop(frame());
    println!("one is kept");
    worker::wait_for_end();
    drop(kept);
}

#[test]
fn a_subscribers_queue_is_seen_with_what_is_unread_and_what_was_dropped() {
    let pinner = Pinner::host_only();
    let inbox = Inbox::new(4, Overflow::DropOldest, zenoh_pinned::shm_clients(&pinner)).unwrap();
    let owner = LaneOwner {
        process: Peer::this_process().unwrap(),
        source: (1, 2),
        key: "camera/observed".to_owned(),
        alone: true,
        first: 0,
    };
    let line = Line::open(inbox.address(), &owner).unwrap();
    inbox.meet(0).unwrap();
    let pool = pool("queued", 8);
    for _ in 0..6 {
        let payload = pool.alloc(BYTES).unwrap().into_shm();
        let outgoing = Outgoing::new(&payload, None, None, false).unwrap();
        assert!(line.put(&outgoing).unwrap());
    }
    drop(inbox.take(0, &pinner).unwrap().unwrap());
    let seen = observe().unwrap();
    let is_own = |queue: &&ObservedQueue| queue.subscriber.pid == std::process::id();
    let queue = seen.queues.iter().find(is_own).unwrap();
    assert_eq!((queue.capacity, queue.overflow), (4, Overflow::DropOldest));
    let [lane] = &queue.lanes[..] else {
        panic!("{queue:?}");
    };
    assert_eq!(lane.key, "camera/observed");
    assert_eq!((lane.written, lane.unread, lane.dropped), (6, 3, 2));
    assert_eq!(lane.publisher.pid, std::process::id());
    // An inbox is no pool.
    assert!(seen.segments.iter().all(|segment| segment.id != queue.id));
}

#[test]
fn what_makes_no_sense_is_named_and_hides_nothing_else() {
    host::alone(64, || {
        let hostile = pool("hostile", 2);
        let path = attack::Segment::of_pool("hostile");
        let honest = pool("honest", 3);
        let _slot = honest.alloc(1).unwrap();
        let sees_honest = || {
            let seen = observe().unwrap();
            assert_eq!(held(&segment(&seen, "honest")), 1);
            seen
        };
        assert!(sees_honest().unreadable.is_empty());
        let mut header = std::fs::File::options()
            .write(true)
            .open(&path.path)
            .unwrap();
        // Its sizes do not fit the file any more.
        std::os::unix::fs::FileExt::write_all_at(&header, &[0xff; 80], 24).unwrap();
        let seen = sees_honest();
        assert_eq!(seen.unreadable.len(), 1, "{seen:?}");
        assert_eq!(seen.unreadable[0].file, path.as_str());
        for seed in 0..30 {
            attack::run("scribble_header", &[path.as_str(), &seed.to_string()]);
            sees_honest();
        }
        header.flush().unwrap();
        attack::run("truncate", &[path.as_str(), "100"]);
        sees_honest();
        attack::run("truncate", &[path.as_str(), "0"]);
        sees_honest();
        drop(hostile);
    });
}

#[test]
fn noise_behind_an_account_hides_figures_for_a_second_and_nothing_else() {
    host::alone(64, || {
        let pool = pool("shown", 2);
        let own = || process(&observe().unwrap(), std::process::id()).unwrap();
        eventually("figures are shown", || own().figures.is_some());
        let page = host::accounts().pop().unwrap();
        write_behind(&page, &[0x5a; 300]);
        let seen = own();
        assert_eq!(seen.usage.segments, 1);
        // Its owner may have shown them again meanwhile.
        assert!(seen.figures.is_none_or(|figures| figures.pools.len() == 1));
        eventually("they are shown again", || own().figures.is_some());
        drop(pool);
        eventually("who has nothing to show has no page", || {
            host::accounts().is_empty()
        });
    });
}

fn write_behind(page: &Path, noise: &[u8]) {
    let file = std::fs::File::options().write(true).open(page).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, noise, 128).unwrap();
}

#[test]
fn files_that_others_may_open_or_own_are_not_looked_at() {
    host::alone(64, || {
        let pool = pool("private", 1);
        let path = attack::Segment::of_pool("private");
        let is_seen = || {
            observe()
                .unwrap()
                .segments
                .iter()
                .any(|segment| segment.pool == "private")
        };
        assert!(is_seen());
        let mode = |mode| {
            std::fs::set_permissions(&path.path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(0o666);
        assert!(!is_seen());
        mode(0o600);
        assert!(is_seen());
        // SAFETY: asks who this process runs as.
        if unsafe { libc::geteuid() } == 0 {
            std::os::unix::fs::chown(&path.path, Some(65534), None).unwrap();
            assert!(!is_seen());
            std::os::unix::fs::chown(&path.path, Some(0), None).unwrap();
        }
        drop(pool);
    });
}

#[test]
fn another_user_sees_nothing() {
    // SAFETY: asks who this process runs as.
    if unsafe { libc::geteuid() } != 0 {
        println!("skipped: only root can be another user for a moment");
        return;
    }
    host::alone(64, || {
        let pool = pool("of this user", 1);
        let _slot = pool.alloc(1).unwrap();
        eventually("figures are shown", || {
            let own = process(&observe().unwrap(), std::process::id());
            own.is_some_and(|listed| listed.figures.is_some())
        });
        // A copy that the other user may run.
        let program = harness::driver::temporary_file("other-user");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(&program);
        let mut other = worker::orders_by(command, "worker_that_looks").start();
        assert_eq!(
            other.line("sees "),
            "0 segments, 0 processes, 0 queues, 0 unreadable"
        );
        other.end_without_report();
        std::fs::remove_file(program).unwrap();
    });
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_looks() {
    let seen = observe().unwrap();
    println!(
        "sees {} segments, {} processes, {} queues, {} unreadable",
        seen.segments.len(),
        seen.processes.len(),
        seen.queues.len(),
        seen.unreadable.len()
    );
    worker::wait_for_end();
}
