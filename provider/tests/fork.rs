//! A child of a fork without exec inherits everything and owns nothing: what it drops stays its parent's, what
//! it uses is a typed error or its own, and it never calls the driver.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cudarc::driver::{CudaSlice, CudaStream};
use harness::{driver, eventually, frames, shm};
use zenoh_pinned::{
    AllocError, CopyBack, CopyError, DeviceBuffer, DevicePath, FallbackReason, Frame, HostUsage,
    PinnedPool, Pinner, PoolStatistics, Slot, cudarc,
};

const BYTES: usize = 64 << 10;
const HELD_BACK: &str = "only the driver double holds copies back";

/// One of everything, with copies under way in both directions.
struct Everything {
    name: String,
    pool: PinnedPool,
    slot: Slot,
    /// Its copy has ended.
    frame: Frame,
    /// Being copied.
    copied: Frame,
    copying_back: CopyBack,
    buffer: DeviceBuffer,
    pinner: Pinner,
}

/// cudarc's own values call the driver when they go, in a child too: they are the application's business.
struct Cudarc {
    stream: Arc<CudaStream>,
    memory: CudaSlice<u8>,
    copy: CudaSlice<u8>,
}

fn everything() -> (Everything, Cudarc) {
    let name = format!("fork {}", std::process::id());
    let pool = PinnedPool::builder()
        .name(&name)
        .slots(4)
        .slot_bytes(BYTES)
        .build()
        .unwrap();
    let pinner = Pinner::builder().device(0).staging(1, 1 << 20).build();
    let stream = pinner.context().expect("no device").new_stream().unwrap();
    let frame = |sequence| {
        let mut slot = pool.alloc(BYTES).unwrap();
        frames::fill(&mut slot, sequence);
        Frame::from_payload(&slot.into_shm(), &pinner).unwrap()
    };
    eventually("registration", || frame(0).path() == DevicePath::Direct);
    let (copied, ended) = (frame(1), frame(2));
    let buffer = ended.copy_to_device_buffer(&stream).unwrap();
    let memory = stream.clone_htod(&vec![3; BYTES]).unwrap();
    eventually("the first copy", || {
        pinner.statistics().copies_in_flight == 0
    });
    driver::set("copy_delay_us=500000");
    let slot = pool.alloc(BYTES).unwrap();
    let copying_back = slot.copy_from_device(&memory, &stream, &pinner).unwrap();
    let copy = copied.copy_to_device(&stream).unwrap();
    let mut slot = pool.alloc(BYTES).unwrap();
    frames::fill(&mut slot, 4);
    let everything = Everything {
        name,
        frame: ended,
        slot,
        copied,
        copying_back,
        buffer,
        pinner,
        pool,
    };
    let cudarc = Cudarc {
        stream,
        memory,
        copy,
    };
    (everything, cudarc)
}

#[derive(Clone, Copy)]
enum Ending {
    AtOnce,
    WithExitHandlers,
}

/// Runs `work` on the inherited values in a child that ends in this way; the parent gets its own back.
fn in_child(everything: Everything, ending: Ending, work: impl FnOnce(Everything)) -> Everything {
    // SAFETY: the child runs code that is to work in a forked child, which is what is tested.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let failed = catch_unwind(AssertUnwindSafe(|| work(everything))).is_err();
        // SAFETY: ends the child.
        unsafe {
            match ending {
                Ending::AtOnce => libc::_exit(i32::from(failed)),
                Ending::WithExitHandlers => libc::exit(i32::from(failed)),
            }
        }
    }
    let mut status = 0;
    eventually("the child hangs", || {
        // SAFETY: asks about the child of this test.
        unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) == child }
    });
    assert_eq!(status, 0, "the child failed");
    everything
}

/// Nothing of the parent's has changed: its slots, its copies, its segments.
fn assert_untouched(everything: Everything, cudarc: Cudarc) {
    let Everything {
        name,
        pool,
        slot,
        frame,
        copied,
        copying_back,
        buffer,
        pinner,
    } = everything;
    let Cudarc { stream, copy, .. } = &cudarc;
    assert!(matches!(
        pool.try_alloc(BYTES),
        Err(AllocError::TimedOut { .. })
    ));
    assert_eq!(pool.statistics().in_use, 4);
    assert!(frames::is_frame(&slot, 4) && frames::is_frame(&frame, 2));
    assert_eq!(shm::segments_of_pool(&name).len(), 1);
    let mut bytes = vec![0; BYTES];
    buffer.copy_to_host(&mut bytes).unwrap();
    assert!(frames::is_frame(&bytes, 2));
    let written = copying_back.wait().unwrap();
    assert!(written.iter().all(|byte| *byte == 3));
    drop(copied);
    assert!(frames::is_on_device(stream, copy, 1));
    drop((written, slot, frame, buffer, cudarc));
    pool.drain(Duration::from_secs(30)).unwrap();
    assert_eq!(pinner.statistics().holds_leaked, 0);
    drop((pinner, pool));
    eventually("the pool's segment", || {
        shm::segments_of_pool(&name).is_empty()
    });
}

/// Runs the calling test's `work` in a child of a process with everything.
fn child_that(ending: Ending, work: impl FnOnce(Everything)) {
    let (everything, cudarc) = everything();
    let everything = in_child(everything, ending, work);
    assert_untouched(everything, cudarc);
}

#[test]
fn a_child_that_drops_what_it_has_inherited_takes_nothing_from_its_parent() {
    if !driver::only_real_is_here(HELD_BACK) {
        driver::with_driver("", || child_that(Ending::AtOnce, drop)).assert_clean();
    }
}

#[test]
fn a_child_that_drops_what_it_has_inherited_and_exits_takes_nothing_from_its_parent() {
    if !driver::only_real_is_here(HELD_BACK) {
        driver::with_driver("", || child_that(Ending::WithExitHandlers, drop)).assert_clean();
    }
}

#[test]
fn a_child_that_exits_with_what_it_has_inherited_takes_nothing_from_its_parent() {
    if !driver::only_real_is_here(HELD_BACK) {
        driver::with_driver("", || {
            child_that(Ending::WithExitHandlers, std::mem::forget)
        })
        .assert_clean();
    }
}

#[test]
fn a_child_that_goes_on_with_what_it_has_inherited_gets_errors_or_its_own() {
    if !driver::only_real_is_here(HELD_BACK) {
        driver::with_driver("", || {
            let (everything, cudarc) = everything();
            let work = |everything| use_in_child(everything, &cudarc);
            let everything = in_child(everything, Ending::WithExitHandlers, work);
            assert_untouched(everything, cudarc);
        })
        .assert_clean();
    }
}

fn assert_forked<T>(outcome: Result<T, CopyError>) {
    match outcome {
        Err(error @ CopyError::Forked) => assert!(error.to_string().contains("spawn"), "{error}"),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a child has called the driver"),
    }
}

fn use_in_child(everything: Everything, cudarc: &Cudarc) {
    let Everything {
        pool,
        slot,
        frame,
        copied,
        copying_back,
        buffer,
        pinner,
        ..
    } = everything;
    let stream = &cudarc.stream;

    let error = pool.alloc(BYTES).unwrap_err();
    assert!(matches!(error, AllocError::Forked), "{error}");
    assert_eq!(pool.statistics(), PoolStatistics::default());
    pool.drain(Duration::ZERO).unwrap();
    assert!(pool.attached_processes().unwrap().is_empty());

    assert!(frames::is_frame(&frame, 2), "readable");
    let anew = copied.for_pinner(&pinner).unwrap();
    assert_eq!(
        (anew.path(), anew.reason()),
        (DevicePath::Host, Some(FallbackReason::Forked))
    );
    assert_forked(copied.copy_to_device(stream));
    assert_forked(copied.copy_to_device_buffer(stream));
    assert_forked(buffer.lend_to(stream));
    assert_forked(buffer.synchronize());
    assert_forked(buffer.copy_to_host(&mut vec![0; BYTES]));
    assert_forked(copying_back.wait());
    let payload = slot.into_shm();
    assert!(frames::is_frame(&payload.to_bytes(), 4));
    drop(payload);

    pinner.register_pool(&pool);
    assert_eq!(pinner.device_name(), None);
    let second = Pinner::builder().device(0).build();
    assert_eq!(second.reason(), Some(&FallbackReason::Forked));
    let third = Pinner::builder().context(stream.context()).build();
    assert_eq!(third.reason(), Some(&FallbackReason::Forked));

    let own = PinnedPool::builder()
        .slots(1)
        .slot_bytes(BYTES)
        .build()
        .unwrap();
    assert_eq!(own.reason(), Some(&FallbackReason::Forked));
    let mut slot = own.alloc(BYTES).unwrap();
    frames::fill(&mut slot, 9);
    let again = Frame::from_payload(&slot.into_shm(), &pinner).unwrap();
    assert!(frames::is_frame(&again, 9) && !again.is_shared());
    assert_forked(
        own.alloc(BYTES)
            .unwrap()
            .copy_from_device(&cudarc.memory, stream, &pinner),
    );
}

#[test]
fn a_child_of_a_process_that_had_neither_starts_afresh() {
    // SAFETY: this process has no threads but the test harness's and has touched neither zenoh nor CUDA.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let fresh = catch_unwind(|| {
            let name = format!("afresh {}", std::process::id());
            let pool = PinnedPool::builder()
                .name(&name)
                .slots(1)
                .slot_bytes(BYTES)
                .build()
                .unwrap();
            assert_eq!(pool.reason(), None);
            let mut slot = pool.alloc(BYTES).unwrap();
            frames::fill(&mut slot, 1);
            let frame = Frame::from_payload(&slot.into_shm(), &Pinner::host_only()).unwrap();
            assert!(frame.is_shared() && frames::is_frame(&frame, 1));
            assert_eq!(shm::segments_of_pool(&name).len(), 1);
            drop((frame, pool));
            eventually("its segment", || shm::segments_of_pool(&name).is_empty());
        });
        // SAFETY: ends the child, with its exit handlers.
        unsafe { libc::exit(i32::from(fresh.is_err())) };
    }
    let mut status = 0;
    eventually("the child hangs", || {
        // SAFETY: asks about the child of this test.
        unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) == child }
    });
    assert_eq!(status, 0, "the child failed");
}

/// Threads that are always somewhere inside of this library, so that forks hit them wherever they can be.
fn busy_with(pool: &PinnedPool, pinner: &Pinner, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let slot = pool.alloc(BYTES).unwrap();
        let frame = Frame::from_payload(&slot.into_shm(), pinner).unwrap();
        assert_eq!(frame.len(), BYTES);
        drop((frame, pool.statistics(), HostUsage::now()));
        let other = PinnedPool::builder().slots(1).slot_bytes(4096).build();
        drop(other.unwrap().alloc(4096).unwrap().into_shm());
    }
}

#[test]
fn a_child_that_is_forked_at_any_moment_ends_and_can_make_a_pool() {
    const FORKS: usize = 1000;
    let pool = PinnedPool::builder()
        .slots(8)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap();
    let pinner = Pinner::host_only();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| busy_with(&pool, &pinner, &is_over));
        }
        let hung = (0..FORKS).filter(|_| {
            // SAFETY: as `in_child`.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: a child that hangs is ended by this.
                unsafe { libc::alarm(20) };
                let made = catch_unwind(|| {
                    let pool = PinnedPool::builder().slots(1).slot_bytes(4096).build();
                    assert!(pool.unwrap().alloc(4096).is_ok());
                    assert!(zenoh_pinned::prepare_session(&mut zenoh::Config::default()).is_some());
                });
                // Not `exit`: zenoh's own handlers wait for locks that a thread of the parent may have held.
                // SAFETY: ends the child.
                unsafe { libc::_exit(i32::from(made.is_err())) };
            }
            let mut status = 0;
            // SAFETY: waits for the child, which the alarm ends.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert!(status == 0 || status == libc::SIGALRM, "status {status}");
            status != 0
        });
        let hung = hung.count();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(hung, 0, "of {FORKS} children");
    });
}
