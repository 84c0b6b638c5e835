//! Producers that are killed or restarted again and again beside a consumer that lives.

use std::{
    collections::BTreeMap, fs, os::unix::process::CommandExt, process::Command, time::Duration,
};

use zenoh::Wait;
use zenoh_pinned::{Frame, PinnedPool, Pinner};

use crate::harness::{eventually, frames, peer, worker};

const SLOT_BYTES: usize = 1 << 20;
const SLOTS: u32 = 8;
/// More than zenoh's metadata, so that the two are not taken for each other.
const POOL_BYTES: usize = SLOT_BYTES * SLOTS as usize;
const KEY: &str = "restarts";

/// The pools that a process has mapped, named or not, by inode.
fn pools_in(pid: u32) -> BTreeMap<u64, usize> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let mut bytes: BTreeMap<u64, usize> = BTreeMap::new();
    for line in maps.lines().filter(|line| line.contains("/dev/shm/")) {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let (from, to) = fields[0].split_once('-').unwrap();
        let address = |text| usize::from_str_radix(text, 16).unwrap();
        *bytes.entry(fields[4].parse().unwrap()).or_default() += address(to) - address(from);
    }
    bytes.retain(|_, bytes| *bytes >= POOL_BYTES);
    bytes
}

fn descriptors_in(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

fn producer(endpoint: &str, sequence: u64) -> worker::Worker {
    worker::orders("restarts::worker_that_sends_when_told")
        .with("ENDPOINT", endpoint)
        .with("SEQUENCE", sequence.to_string())
        .start()
}

#[test]
fn a_consumer_that_lives_keeps_no_memory_of_producers_that_do_not() {
    let endpoint = peer::endpoint();
    let mut consumer = worker::orders("restarts::worker_that_keeps_the_first")
        .with("ENDPOINT", &endpoint)
        .start();
    consumer.line("listening");
    let pid = consumer.pid();
    let mut living = producer(&endpoint, 0);
    consumer.line("received 0");
    let of_living = pools_in(pid);
    assert_eq!(of_living.len(), 1);
    let descriptors = descriptors_in(pid);
    let restarts = 6;
    for sequence in 1..=restarts {
        let mut producer = producer(&endpoint, sequence);
        consumer.line(&format!("received {sequence}"));
        match sequence % 2 {
            0 => producer.end_without_report(),
            _ => producer.kill(),
        }
    }
    eventually("the dead producers' pools to go", || {
        pools_in(pid).len() == 2
    });
    let kept = pools_in(pid);
    assert!(of_living.keys().all(|inode| kept.contains_key(inode)));
    // zenoh's own metadata of each, which it never lets go of; one of a pool that a frame is held of, and the page that shows
    // what the consumer has counted.
    eventually("the descriptors", || {
        descriptors_in(pid) <= descriptors + restarts as usize + 2
    });
    consumer.tell("whole?");
    consumer.line("whole");
    consumer.tell("let go");
    eventually("the pool of the frame that was held", || {
        pools_in(pid) == of_living
    });
    living.tell("again");
    consumer.line("received 100");
    assert_eq!(pools_in(pid), of_living);
    living.end_without_report();
    consumer.end_without_report();
    let _ = fs::remove_file(peer::socket_file(&endpoint));
}

/// Whether what a process may lock is used up by producers that have gone.
#[test]
fn restarts_use_up_no_lockable_memory() {
    let endpoint = peer::endpoint();
    let mut consumer = worker::orders("restarts::worker_that_keeps_the_first")
        .with("ENDPOINT", &endpoint)
        .change(with_8_mib_lockable)
        .start();
    consumer.line("listening");
    for sequence in 2..14 {
        let mut producer = producer(&endpoint, sequence);
        consumer.line(&format!("received {sequence}"));
        producer.kill();
    }
    consumer.end_without_report();
    let _ = fs::remove_file(peer::socket_file(&endpoint));
}

/// The usual limit, and no CAP_IPC_LOCK, set between fork and exec.
fn with_8_mib_lockable(command: &mut Command) {
    // SAFETY: only system calls that are safe between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit {
                rlim_cur: 8 << 20,
                rlim_max: 8 << 20,
            };
            const CAP_IPC_LOCK: libc::c_ulong = 14;
            libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit);
            // Out of the bounding set, so that the program does not get it back by being root's.
            libc::prctl(libc::PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0);
            Ok(())
        });
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_sends_when_told() {
    let session = peer::open(peer::connecting(&worker::order("ENDPOINT")), None);
    let publisher = peer::publisher(&session, KEY);
    let pool = PinnedPool::builder()
        .name("restarts")
        .slots(SLOTS)
        .slot_bytes(SLOT_BYTES)
        .build()
        .unwrap();
    eventually("a consumer", || {
        publisher.matching_status().wait().unwrap().matching()
    });
    let send = |sequence: u64| {
        let mut slot = pool.alloc(SLOT_BYTES).unwrap();
        frames::fill(&mut slot, sequence);
        let sent = publisher.put(slot.into_shm());
        sent.attachment(sequence.to_le_bytes()).wait().unwrap();
    };
    send(worker::order("SEQUENCE").parse().unwrap());
    for _ in worker::told() {
        send(100);
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_keeps_the_first() {
    let pinner = Pinner::host_only();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), Some(clients));
    let kept = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keep = kept.clone();
    let _subscriber = session
        .declare_subscriber(KEY)
        .callback(move |sample| {
            let bytes = sample.attachment().unwrap().to_bytes();
            let sequence = u64::from_le_bytes(bytes.as_ref().try_into().unwrap());
            let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
            assert!(frame.is_shared() && frames::is_frame(&frame, sequence));
            if sequence == 1 {
                *keep.lock().unwrap() = Some(frame);
            }
            println!("received {sequence}");
        })
        .wait()
        .unwrap();
    println!("listening");
    for word in worker::told() {
        let mut kept = kept.lock().unwrap();
        match word.as_str() {
            "whole?" if frames::is_frame(kept.as_ref().unwrap(), 1) => println!("whole"),
            _ => drop(kept.take()),
        }
    }
    std::thread::sleep(Duration::from_millis(1));
}
