//! A pool's bounds, its waiting, and what it refuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use zenoh::{
    Wait,
    shm::{GarbageCollect, ShmProviderBackend, ShmProviderBuilder},
};
use zenoh_pinned::{AllocError, PinnedPool, PoolError};

fn small(slots: u32) -> PinnedPool {
    PinnedPool::builder()
        .slots(slots)
        .slot_bytes(4096)
        .wait(Duration::from_secs(30))
        .build()
        .unwrap()
}

#[test]
fn slots_are_page_aligned_and_as_long_as_asked_for() {
    let pool = PinnedPool::builder()
        .slots(3)
        .slot_bytes(10_000)
        .build()
        .unwrap();
    let slots = [pool.alloc(1), pool.alloc(4097), pool.alloc(10_000)].map(Result::unwrap);
    for (slot, len) in slots.iter().zip([1, 4097, 10_000]) {
        assert_eq!(slot.len(), len);
        assert_eq!(slot.as_ptr() as usize % 4096, 0);
        assert!(slot.is_shared());
    }
    assert_eq!(pool.statistics().slot_bytes, 12_288);
}

#[test]
fn zero_bytes_and_more_than_a_slot_are_refused_with_what_to_do() {
    let pool = small(1);
    assert!(matches!(pool.alloc(0), Err(AllocError::ZeroBytes)));
    let error = pool.alloc(4097).unwrap_err();
    assert!(matches!(
        error,
        AllocError::TooLarge {
            len: 4097,
            largest_slot_bytes: 4096
        }
    ));
    assert!(error.to_string().contains("raise slot_bytes()"), "{error}");
    assert!(matches!(
        pool.alloc(usize::MAX),
        Err(AllocError::TooLarge { .. })
    ));
}

#[test]
fn impossible_pools_are_refused_before_anything_is_made() {
    let before = harness::shm::segments_of_pool("impossible");
    let build = |builder: zenoh_pinned::PinnedPoolBuilder| builder.name("impossible").build();
    let with = |slots, bytes| build(PinnedPool::builder().slots(slots).slot_bytes(bytes));
    assert!(matches!(with(0, 4096), Err(PoolError::Empty)));
    assert!(matches!(with(1, 0), Err(PoolError::Empty)));
    assert!(matches!(
        with(1, usize::MAX),
        Err(PoolError::SlotTooLarge { .. })
    ));
    assert!(matches!(
        with(1, 1 << 32),
        Err(PoolError::SlotTooLarge { .. })
    ));
    let bounded = PinnedPool::builder()
        .slots(8)
        .slot_bytes(1 << 20)
        .max_bytes(8 << 20);
    assert!(matches!(
        build(bounded),
        Err(PoolError::OverBudget {
            max_bytes: 0x80_0000,
            ..
        })
    ));
    let huge = PinnedPool::builder()
        .slots(u32::MAX)
        .slot_bytes(1 << 31)
        .max_bytes(1 << 40);
    assert!(matches!(build(huge), Err(PoolError::OverBudget { .. })));
    assert_eq!(harness::shm::segments_of_pool("impossible"), before);
}

#[test]
fn a_size_near_the_end_of_the_address_space_is_an_error_of_the_backend() {
    let backend = PinnedPool::builder().build_backend().unwrap();
    let layout = zenoh::shm::MemoryLayout::try_from(usize::MAX).unwrap();
    assert!(backend.layout_for(layout).is_err());
    let provider = ShmProviderBuilder::backend(backend).wait();
    assert!(
        provider
            .alloc(usize::MAX)
            .with_policy::<GarbageCollect>()
            .wait()
            .is_err()
    );
}

#[test]
fn a_full_pool_fails_at_its_deadline_and_counts_it() {
    let pool = small(2);
    let _held = [pool.alloc(10).unwrap(), pool.alloc(10).unwrap()];
    assert!(matches!(
        pool.try_alloc(10),
        Err(AllocError::TimedOut { slots: 2, .. })
    ));
    let asked = Instant::now();
    let patience = Duration::from_millis(30);
    let error = pool.alloc_timeout(10, patience).unwrap_err();
    assert!(asked.elapsed() >= patience);
    assert!(error.to_string().contains("raise slots()"), "{error}");
    let statistics = pool.statistics();
    assert_eq!(
        (statistics.timeouts, statistics.waits, statistics.in_use),
        (2, 1, 2)
    );
    assert!(statistics.waited >= patience);
}

#[test]
fn a_waiting_allocation_is_served_when_a_slot_comes_free() {
    let pool = small(1);
    let held = pool.alloc(10).unwrap();
    let address = held.as_ptr() as usize;
    let (waiting, released) = mpsc::channel();
    let waiter = {
        let pool = pool.clone();
        std::thread::spawn(move || {
            waiting.send(()).unwrap();
            pool.alloc(10).unwrap().as_ptr() as usize
        })
    };
    released.recv().unwrap();
    harness::eventually("nobody waited", || pool.statistics().waits == 1);
    drop(held);
    assert_eq!(waiter.join().unwrap(), address);
    assert_eq!(pool.statistics().timeouts, 0);
}

#[test]
fn a_release_that_nobody_announces_is_found_all_the_same() {
    let pool = small(1);
    // Published and dropped as zenoh's own types: no code of ours sees the release.
    let payload = pool.alloc(10).unwrap().into_shm();
    let waiter = {
        let pool = pool.clone();
        std::thread::spawn(move || pool.alloc(10).unwrap().len())
    };
    harness::eventually("nobody waited", || pool.statistics().waits == 1);
    drop(payload);
    assert_eq!(waiter.join().unwrap(), 10);
}

#[test]
fn an_unsent_slot_returns_to_the_pool() {
    let pool = small(1);
    for _ in 0..10 {
        let slot = pool.try_alloc(10).unwrap();
        drop(slot);
    }
    assert_eq!(pool.statistics().in_use, 0);
}

#[test]
fn size_classes_keep_small_frames_off_large_slots() {
    let pool = PinnedPool::builder()
        .slots(1)
        .slot_bytes(1 << 20)
        .size_class(4096, 2)
        .build()
        .unwrap();
    let _small = [pool.try_alloc(100).unwrap(), pool.try_alloc(4096).unwrap()];
    assert!(matches!(
        pool.try_alloc(100),
        Err(AllocError::TimedOut { slots: 2, .. })
    ));
    assert_eq!(pool.try_alloc(4097).unwrap().len(), 4097);
    assert_eq!(pool.statistics().slots, 3);
}

#[test]
fn a_pool_grows_segment_by_segment_up_to_its_bound_and_not_before_it_must() {
    let pool = PinnedPool::builder()
        .name("growing")
        .slots(5)
        .slot_bytes(4096)
        .slots_per_segment(2)
        .build()
        .unwrap();
    let segments = |pool: &PinnedPool| pool.statistics().segments;
    assert_eq!(segments(&pool), 1);
    for _ in 0..20 {
        drop([pool.alloc(1).unwrap(), pool.alloc(1).unwrap()]);
    }
    assert_eq!(
        segments(&pool),
        1,
        "released slots come before new segments"
    );
    let mut held: Vec<_> = (0..5).map(|_| pool.try_alloc(1).unwrap()).collect();
    assert_eq!(segments(&pool), 3);
    assert!(pool.try_alloc(1).is_err());
    assert_eq!(
        pool.statistics().bytes,
        8 * 4096,
        "five slots and three header pages"
    );
    for (index, slot) in held.iter_mut().enumerate() {
        slot[0] = index as u8;
    }
    assert!(
        held.iter()
            .enumerate()
            .all(|(index, slot)| slot[0] == index as u8)
    );
}

#[test]
fn a_waiting_allocation_is_woken_by_any_segment_of_its_pool() {
    let pool = PinnedPool::builder()
        .slots(3)
        .slot_bytes(4096)
        .slots_per_segment(1)
        .wait(Duration::from_secs(30))
        .build()
        .unwrap();
    for released in 0..3 {
        let mut held: Vec<_> = (0..3).map(|_| pool.alloc(1).unwrap()).collect();
        let waits = pool.statistics().waits;
        let waiter = {
            let pool = pool.clone();
            std::thread::spawn(move || drop(pool.alloc(1).unwrap()))
        };
        harness::eventually("nobody waited", || pool.statistics().waits > waits);
        drop(held.remove(released));
        waiter.join().unwrap();
    }
}

#[test]
fn releases_that_name_no_allocated_slot_change_nothing() {
    let backend = PinnedPool::builder()
        .slots(2)
        .slot_bytes(4096)
        .build_backend()
        .unwrap();
    let provider_layout = backend
        .layout_for(zenoh::shm::MemoryLayout::try_from(100).unwrap())
        .unwrap();
    let chunk = backend.alloc(&provider_layout).unwrap();
    let mut wrong = chunk.descriptor.clone();
    wrong.chunk += 1;
    backend.free(&wrong);
    wrong.chunk = u32::MAX;
    backend.free(&wrong);
    wrong.segment ^= 1;
    backend.free(&wrong);
    assert_eq!(backend.available(), 4096);
    backend.free(&chunk.descriptor);
    backend.free(&chunk.descriptor);
    assert_eq!(backend.available(), 2 * 4096);
}

#[test]
fn slots_whose_file_was_cut_can_be_dropped_and_are_not_handed_out_again() {
    let pool = PinnedPool::builder()
        .name("cut")
        .slots(2)
        .slot_bytes(4096)
        .wait(Duration::from_secs(30))
        .build()
        .unwrap();
    let [waited_for, not] = [pool.alloc(10).unwrap(), pool.alloc(10).unwrap()];
    let [name] = harness::shm::segments_of_pool("cut").try_into().unwrap();
    let file = std::fs::File::options()
        .write(true)
        .open(format!("/dev/shm/{name}"));
    file.unwrap().set_len(0).unwrap();
    let waiter = {
        let pool = pool.clone();
        std::thread::spawn(move || pool.alloc(10).unwrap_err())
    };
    harness::eventually("nobody waited", || pool.statistics().waits == 1);
    drop(waited_for);
    let error = waiter.join().unwrap();
    assert!(matches!(error, AllocError::Truncated { .. }), "{error}");
    drop(not);
    let error = pool.alloc(10).unwrap_err();
    assert!(matches!(error, AllocError::Truncated { .. }), "{error}");
    assert_eq!(pool.statistics().in_use, 0);
}

#[test]
fn draining_waits_for_what_consumers_hold() {
    let pool = small(2);
    let payload = pool.alloc(10).unwrap().into_shm();
    let still = pool.drain(Duration::from_millis(5)).unwrap_err();
    assert_eq!(still.slots, 1);
    drop(payload);
    pool.drain(Duration::from_secs(30)).unwrap();
}

#[test]
fn a_pool_that_goes_leaves_no_segment() {
    let pool = PinnedPool::builder()
        .name("goes away")
        .slots(2)
        .slot_bytes(4096)
        .build()
        .unwrap();
    assert_eq!(harness::shm::segments_of_pool("goes away").len(), 1);
    let held = pool.alloc(10).unwrap();
    drop(pool);
    assert_eq!(
        harness::shm::segments_of_pool("goes away").len(),
        1,
        "a slot is still out"
    );
    drop(held);
    // A zenoh process that starts at this moment has the file locked while it looks, and takes it away itself.
    harness::eventually("the segment", || {
        harness::shm::segments_of_pool("goes away").is_empty()
    });
}

#[test]
fn a_payload_that_outlives_its_pool_is_the_last_to_hold_the_segment() {
    let pool = PinnedPool::builder()
        .name("outlived")
        .slots(1)
        .slot_bytes(4096)
        .build()
        .unwrap();
    let payload = pool.alloc(10).unwrap().into_shm();
    drop(pool);
    assert_eq!(harness::shm::segments_of_pool("outlived").len(), 1);
    drop(payload);
    harness::eventually("the segment goes", || {
        harness::shm::segments_of_pool("outlived").is_empty()
    });
}

#[test]
fn a_segment_has_the_mode_and_lock_that_zenoh_expects() {
    use std::os::unix::fs::MetadataExt;
    let _pool = PinnedPool::builder().name("mode and lock").build().unwrap();
    let [name] = harness::shm::segments_of_pool("mode and lock")
        .try_into()
        .unwrap();
    let metadata = std::fs::metadata(format!("/dev/shm/{name}")).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    assert_eq!(
        metadata.blocks() * 512,
        metadata.size(),
        "every page is reserved"
    );
    let id = name.trim_end_matches(".zenoh");
    assert!(id.parse::<u32>().is_ok(), "{name}");
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let ours = format!(":{} ", metadata.ino());
    let held = locks
        .lines()
        .any(|line| line.contains("FLOCK") && line.contains("READ") && line.contains(&ours));
    assert!(held, "{locks}");
    // Another zenoh process that starts sweeps what nobody holds.
    zenoh::shm::cleanup_orphaned_shm_segments();
    assert_eq!(harness::shm::segments_of_pool("mode and lock"), [name]);
}
