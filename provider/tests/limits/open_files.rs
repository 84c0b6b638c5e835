//! 64 open files: what works, and which error says that no descriptor is left, on either side.

use std::fs::File;

use super::*;

/// 64 descriptors, soft and hard: zenoh raises the soft limit to the hard one.
fn with_64_open_files(command: &mut Command) {
    // SAFETY: only a system call that is safe between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit {
                rlim_cur: 64,
                rlim_max: 64,
            };
            match libc::setrlimit(libc::RLIMIT_NOFILE, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
}

/// Opens files until none can be opened.
fn use_up_descriptors() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

fn small_pool() -> Result<PinnedPool, PoolError> {
    PinnedPool::builder().slots(2).slot_bytes(4096).build()
}

/// Looking a frame up takes a descriptor on kernels before Linux 6.11: an error that says so.
fn is_readable(frame: Result<Frame, FrameError>) -> bool {
    match frame {
        Ok(frame) => frame.is_shared(),
        Err(error @ FrameError::Unverifiable { .. }) => error.to_string().contains("ulimit -n"),
        Err(_) => false,
    }
}

fn is_typed(error: &SegmentError) -> bool {
    matches!(error, SegmentError::TooManyOpenFiles { limit: 64, .. })
        && error.to_string().contains("ulimit -n")
}

#[test]
fn pools_beyond_64_open_files_are_refused_with_the_limit_and_the_others_work_on() {
    let mut worker = worker::orders("open_files::worker_that_makes_pools")
        .change(with_64_open_files)
        .start();
    let made: usize = worker.line("made").parse().unwrap();
    assert!(made > 30, "{made}");
    worker.line("refused cleanly");
    worker.end_without_report();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_makes_pools() {
    let pinner = Pinner::host_only();
    let mut pools = Vec::new();
    let error = loop {
        match small_pool() {
            Ok(pool) => pools.push(pool),
            Err(error) => break error,
        }
    };
    println!("made {}", pools.len());
    assert!(
        matches!(&error, PoolError::Segment(error) if is_typed(error)),
        "{error}"
    );
    for pool in &pools {
        let mut slot = pool.alloc(4096).unwrap();
        slot.fill(7);
        assert!(is_readable(Frame::from_payload(&slot.into_shm(), &pinner)));
    }
    // A pinner keeps the segments that it has seen.
    drop(pinner);
    pools.pop();
    pools.push(small_pool().unwrap());
    println!("refused cleanly");
    worker::wait_for_end();
}

#[test]
fn without_any_descriptor_left_a_pool_is_refused_and_one_that_is_there_works_on() {
    for order in [
        "open_files::worker_whose_first_pool_has_none",
        "open_files::worker_whose_pool_grows",
    ] {
        let mut worker = worker::orders(order).change(with_64_open_files).start();
        worker.line("refused cleanly");
        worker.end_without_report();
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_whose_first_pool_has_none() {
    let mut files = use_up_descriptors();
    // However few are left: an error, and not a panic of zenoh's at the first allocation.
    loop {
        match small_pool() {
            Ok(pool) => {
                pool.alloc(1).unwrap();
                break;
            }
            Err(PoolError::Segment(error)) => assert!(is_typed(&error), "{error}"),
            Err(error) => panic!("{error}"),
        }
        assert!(files.pop().is_some(), "no pool though files are free");
    }
    println!("refused cleanly");
    worker::wait_for_end();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_whose_pool_grows() {
    let pool = PinnedPool::builder()
        .slots(2)
        .slots_per_segment(1)
        .slot_bytes(4096)
        .build()
        .unwrap();
    let pinner = Pinner::host_only();
    let first = pool.alloc(1).unwrap();
    let files = use_up_descriptors();
    let error = pool.alloc_timeout(1, Duration::from_millis(5)).unwrap_err();
    let AllocError::TimedOut {
        growth: Some(growth),
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert!(is_typed(growth), "{growth}");
    assert!(error.to_string().contains("ulimit -n"), "{error}");
    assert!(is_readable(Frame::from_payload(&first.into_shm(), &pinner)));
    drop(files);
    eventually("growth", || {
        let first = pool.try_alloc(1);
        first.is_ok() && pool.try_alloc(1).is_ok()
    });
    println!("refused cleanly");
    worker::wait_for_end();
}

#[test]
fn a_pool_that_cannot_look_at_zenohs_metadata_for_want_of_descriptors_says_so() {
    let mut worker = worker::orders("open_files::worker_that_cannot_look")
        .change(with_64_open_files)
        .start();
    let reason = worker.line("reason");
    assert!(reason.contains("ulimit -n"), "{reason}");
    worker.line("looks again");
    worker.end_without_report();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_cannot_look() {
    let pool = small_pool().unwrap();
    let mut files = Vec::new();
    // Other threads of this process may have had one for a moment.
    for _ in 0..5 {
        files.extend(use_up_descriptors());
        std::thread::sleep(Duration::from_millis(50));
    }
    let _held = pool.alloc(1).unwrap();
    eventually("a reason", || !pool.quarantine().is_empty());
    let quarantine = pool.quarantine();
    println!("reason {}", quarantine[0]);
    assert_eq!(quarantine[0].reason, QuarantineReason::OutOfDescriptors);
    drop(files);
    eventually("a look", || pool.quarantine().is_empty());
    println!("looks again");
    worker::wait_for_end();
}

/// More segments than a consumer of 64 descriptors can attach.
const POOLS: usize = 100;

#[test]
fn a_consumer_of_64_open_files_receives_what_it_can_attach_and_says_why_not_the_rest() {
    let endpoint = peer::endpoint();
    let mut consumer = worker::orders("open_files::worker_consumer_of_64_open_files")
        .with("ENDPOINT", &endpoint)
        .change(with_64_open_files)
        .start();
    consumer.line("listening");
    let session = peer::open(peer::connecting(&endpoint), None);
    let publisher = peer::publisher(&session, "frames");
    let pools: Vec<_> = (0..POOLS).map(|_| small_pool().unwrap()).collect();
    // Twice: those of the first round that were attached arrive in the second too.
    for _ in 0..2 {
        for (pool, sequence) in pools.iter().zip(0u64..) {
            let mut slot = pool.alloc(4096).unwrap();
            frames::fill(&mut slot, sequence);
            publisher.put(slot.into_shm()).wait().unwrap();
        }
    }
    publisher.put("end").wait().unwrap();
    let error = consumer.line("error");
    assert!(
        error.contains("64 files") && error.contains("ulimit -n"),
        "{error}"
    );
    let received: usize = consumer.line("received").parse().unwrap();
    assert!(
        (40..2 * POOLS).contains(&received) && received.is_multiple_of(2),
        "{received}"
    );
    consumer.end_without_report();
    let _ = std::fs::remove_file(peer::socket_file(&endpoint));
}

#[test]
#[ignore = "a worker of another test"]
fn worker_consumer_of_64_open_files() {
    harness::log::print_errors();
    let pinner = Pinner::host_only();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), Some(clients));
    let subscriber = session.declare_subscriber("frames").wait().unwrap();
    println!("listening");
    let mut sequences = Vec::new();
    loop {
        let sample = subscriber.recv().unwrap();
        let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
        if frame.len() < 4096 {
            break;
        }
        let is_whole = |sequence: &u64| frames::is_frame(&frame, *sequence);
        sequences.push((0..POOLS as u64).find(is_whole).expect("a whole frame"));
    }
    let (first, second) = sequences.split_at(sequences.len() / 2);
    assert_eq!(first, second, "the same pools both times");
    println!("received {}", sequences.len());
    worker::wait_for_end();
}

#[test]
fn a_consumer_without_descriptors_says_so_before_anything_is_attached() {
    let endpoint = peer::endpoint();
    let mut consumer = worker::orders("open_files::worker_consumer_without_descriptors")
        .with("ENDPOINT", &endpoint)
        .change(with_64_open_files)
        .start();
    consumer.line("listening");
    let session = peer::open(peer::connecting(&endpoint), None);
    let publisher = peer::publisher(&session, "frames");
    eventually("the link", || {
        publisher.matching_status().wait().unwrap().matching()
    });
    consumer.tell("use them up");
    consumer.line("used up");
    let pool = small_pool().unwrap();
    publisher
        .put(pool.alloc(4096).unwrap().into_shm())
        .wait()
        .unwrap();
    let error = consumer.line("error");
    assert!(
        error.contains("64 files") && error.contains("ulimit -n"),
        "{error}"
    );
    consumer.end_without_report();
    let _ = std::fs::remove_file(peer::socket_file(&endpoint));
}

#[test]
#[ignore = "a worker of another test"]
fn worker_consumer_without_descriptors() {
    harness::log::print_errors();
    let pinner = Pinner::host_only();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = peer::open(peer::listening(&worker::order("ENDPOINT")), Some(clients));
    let _subscriber = session.declare_subscriber("frames").wait().unwrap();
    println!("listening");
    worker::wait_for_word("use them up");
    let _files = use_up_descriptors();
    println!("used up");
    worker::wait_for_end();
}
