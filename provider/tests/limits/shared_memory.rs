//! 64 MiB of `/dev/shm`, what Docker gives: pools that fit and that do not, and somebody else who fills it.

use std::{fs, io::Write};

use super::*;

/// Small enough that an unmodified consumer may lock the pool under the usual 8 MiB.
const FRAME_BYTES: usize = 1 << 20;
const FILLER: &str = "/dev/shm/of-somebody-else";

/// A pool of four full HD frames fits beside zenoh's metadata, one of nine does not.
#[test]
fn in_64_mebibytes_frames_arrive_at_both_kinds_of_consumers_also_when_it_is_full() {
    let mut worker = in_shared_memory_of("64m", "shared_memory::worker_in_64_mebibytes").start();
    worker.line("done");
    worker.end_without_report();
}

/// Takes what is left.
fn fill_up() {
    let mut file = fs::File::create(FILLER).unwrap();
    let block = vec![1; 1 << 12];
    while file.write_all(&block).is_ok() {}
}

#[test]
#[ignore = "a worker of another test"]
fn worker_in_64_mebibytes() {
    let too_large = PinnedPool::builder()
        .slots(9)
        .slot_bytes(frames::FULL_HD)
        .build();
    let error = too_large.unwrap_err();
    assert!(
        matches!(
            error,
            PoolError::Segment(SegmentError::NoSpace {
                total_bytes: 0x400_0000,
                ..
            })
        ),
        "{error}"
    );
    // What a camera needs does fit.
    let camera = PinnedPool::builder()
        .slots(4)
        .slot_bytes(frames::FULL_HD)
        .build()
        .unwrap();
    camera.alloc(frames::FULL_HD).unwrap().fill(1);
    drop(camera);
    let pool = PinnedPool::builder()
        .slots(4)
        .slots_per_segment(2)
        .slot_bytes(FRAME_BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap();
    let endpoint = peer::endpoint();
    let session = peer::open(peer::listening(&endpoint), None);
    // Children of this process, so that they see the same /dev/shm.
    let mut consumers = ["ours", "unmodified"].map(|kind| {
        worker::orders("shared_memory::worker_consumer_of_the_pool")
            .with("ENDPOINT", &endpoint)
            .with("KIND", kind)
            .start()
    });
    let ready = session.declare_subscriber("ready").wait().unwrap();
    for _ in &consumers {
        ready.recv().unwrap();
    }
    let publisher = peer::publisher(&session, "limited");
    let publish = |sequence| {
        let mut slot = pool.alloc(FRAME_BYTES).unwrap();
        frames::fill(&mut slot, sequence);
        publisher.put(slot.into_shm()).wait().unwrap();
    };
    publish(0);
    pool.drain(Duration::from_secs(60)).unwrap();

    fill_up();
    let held = [pool.try_alloc(1).unwrap(), pool.try_alloc(1).unwrap()];
    let error = pool.alloc_timeout(1, Duration::from_millis(5)).unwrap_err();
    let AllocError::TimedOut {
        growth: Some(growth),
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert!(matches!(**growth, SegmentError::NoSpace { .. }), "{growth}");
    assert!(error.to_string().contains("--shm-size"), "{error}");
    assert!(PinnedPool::builder().slots(1).build().is_err());
    drop(held);
    (1..30).for_each(publish);
    pool.drain(Duration::from_secs(60)).unwrap();

    // Room again: the pool grows to what it was promised.
    fs::remove_file(FILLER).unwrap();
    eventually("growth", || {
        let held: Vec<_> = (0..4).map_while(|_| pool.try_alloc(1).ok()).collect();
        held.len() == 4
    });
    (30..40).for_each(publish);
    for consumer in &mut consumers {
        assert_eq!(consumer.line("whole and shared"), "40");
        consumer.end_without_report();
    }
    println!("done");
    worker::wait_for_end();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_consumer_of_the_pool() {
    let pinner = Pinner::host_only();
    let clients = (worker::order("KIND") == "ours").then(|| zenoh_pinned::shm_clients(&pinner));
    let session = peer::open(peer::connecting(&worker::order("ENDPOINT")), clients);
    let subscriber = session.declare_subscriber("limited").wait().unwrap();
    peer::publisher(&session, "ready").put("").wait().unwrap();
    let mut whole = 0;
    for sequence in 0..40 {
        let sample = subscriber.recv().unwrap();
        let shared = sample.payload().as_shm().is_some();
        whole += u32::from(shared && frames::is_frame(&sample.payload().to_bytes(), sequence));
    }
    println!("whole and shared {whole}");
    worker::wait_for_end();
}

#[test]
fn a_process_whose_first_pool_leaves_no_room_for_zenohs_metadata_is_told_so() {
    let mut worker =
        in_shared_memory_of("16m", "shared_memory::worker_without_room_for_metadata").start();
    worker.line("done");
    worker.end_without_report();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_without_room_for_metadata() {
    // All but 40 KiB; zenoh's metadata takes 1.25 MiB.
    let pool = PinnedPool::builder()
        .slots(1)
        .slot_bytes((16 << 20) - (40 << 10))
        .build();
    let error = pool.unwrap_err();
    assert!(
        matches!(error, PoolError::Segment(SegmentError::NoSpace { .. })),
        "{error}"
    );
    assert!(
        harness::shm::segments().is_empty(),
        "nothing is left of the attempt"
    );
    let pool = PinnedPool::builder()
        .slots(1)
        .slot_bytes(8 << 20)
        .build()
        .unwrap();
    pool.alloc(8 << 20).unwrap().fill(1);
    println!("done");
    worker::wait_for_end();
}

#[test]
fn where_shared_memory_is_full_a_session_opens_all_the_same_and_says_why() {
    for (size, missing) in [("4k", "free of 4 KiB"), ("64m,nr_inodes=1", "1 files")] {
        let mut worker = in_shared_memory_of(size, "shared_memory::worker_where_it_is_full")
            .with("MISSING", missing)
            .start();
        worker.line("received all the same");
        worker.end_without_report();
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_where_it_is_full() {
    let missing = worker::order("MISSING");
    let mut config = peer::listening(&peer::endpoint());
    let reason = zenoh_pinned::prepare_session(&mut config).unwrap();
    assert!(
        matches!(reason, FallbackReason::SharedMemoryFull { .. }),
        "{reason}"
    );
    assert!(reason.to_string().contains(&missing), "{reason}");
    let session = peer::open(config, None);
    let subscriber = session.declare_subscriber("plain").wait().unwrap();
    let publisher = peer::publisher(&session, "plain");
    publisher.put(vec![7; 100_000]).wait().unwrap();
    assert_eq!(subscriber.recv().unwrap().payload().len(), 100_000);
    let error = PinnedPool::builder().slots(1).build().unwrap_err();
    assert!(error.to_string().contains(&missing), "{error}");
    println!("received all the same");
    worker::wait_for_end();
    session.close().wait().unwrap();
}

/// The account page, the segment and zenoh's metadata each are a file.
#[test]
fn a_pool_that_finds_no_file_left_says_so_however_few_there_are() {
    for files in 1..6 {
        let size = format!("64m,nr_inodes={files}");
        let mut worker = in_shared_memory_of(&size, "shared_memory::worker_with_few_files").start();
        worker.line("done");
        worker.end_without_report();
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_with_few_files() {
    match PinnedPool::builder().slots(1).build() {
        Ok(pool) => pool.alloc(1 << 20).unwrap().fill(1),
        Err(PoolError::Segment(error @ SegmentError::NoFiles { .. })) => {
            assert!(error.to_string().contains("nr_inodes"), "{error}");
        }
        Err(error) => panic!("{error}"),
    }
    println!("done");
    worker::wait_for_end();
}
