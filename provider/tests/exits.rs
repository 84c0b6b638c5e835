//! However a process ends, with copies in flight and frames alive: no call into the driver once it shuts down,
//! no hang, the exit status kept, and nothing in `/dev/shm` that nobody would take away.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::{
    os::unix::process::ExitStatusExt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cudarc::driver::{CudaSlice, CudaStream};
use harness::{
    device::{self, BYTES, frame},
    driver, eventually, shm, worker,
};
use zenoh_pinned::{CopyError, DevicePath, FallbackReason, Frame, PinnedPool, Pinner, cudarc};

/// Everything that a process with copies in flight has.
struct Busy {
    name: String,
    pool: PinnedPool,
    pinner: Pinner,
    stream: Arc<CudaStream>,
    frames: Vec<Frame>,
    _copies: Vec<CudaSlice<u8>>,
}

fn pool(name: &str) -> PinnedPool {
    PinnedPool::builder()
        .name(name)
        .slots(4)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap()
}

/// Three frames alive, and their copies under way for a second.
fn busy() -> Busy {
    let name = format!("exits {}", std::process::id());
    let pool = pool(&name);
    let (pinner, stream) = device::first();
    eventually("registration", || {
        frame(&pool, &pinner, 0).path() == DevicePath::Direct
    });
    if !driver::is_real() {
        driver::set("copy_delay_us=1000000");
    }
    let frames: Vec<_> = (0..3)
        .map(|sequence| frame(&pool, &pinner, sequence))
        .collect();
    let copies = frames
        .iter()
        .map(|frame| frame.copy_to_device(&stream).unwrap());
    let copies = copies.collect();
    println!("busy {name}");
    Busy {
        name,
        pool,
        pinner,
        stream,
        frames,
        _copies: copies,
    }
}

/// Starts a worker, waits until it is busy, and gives it with its pool's name.
fn started(order: &str) -> (worker::Worker, String) {
    let mut worker = worker::orders(order).with_driver("").start();
    let name = worker.line("busy");
    (worker, name)
}

/// The worker ends by itself with this status, and leaves nothing.
fn ends_with(order: &str, status: i32) {
    let (mut worker, name) = started(order);
    assert_eq!(worker.status().code(), Some(status));
    worker.report().assert_no_violation();
    assert_eq!(shm::segments_of_pool(&name), Vec::<String>::new());
}

#[test]
fn returning_from_main_with_everything_alive_ends_cleanly() {
    ends_with("worker_that_returns_with_everything_alive", 0);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_returns_with_everything_alive() {
    std::mem::forget(busy());
}

#[test]
fn returning_from_main_waits_for_the_copies_of_what_it_drops() {
    ends_with("worker_that_returns", 0);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_returns() {
    let Busy {
        pool,
        pinner,
        stream,
        frames,
        ..
    } = busy();
    drop((frames, stream, pool, pinner));
    if !driver::is_real() {
        assert_eq!(driver::count("pending_copies"), 0, "the last pinner waits");
    }
}

#[test]
fn exit_in_the_middle_of_work_keeps_its_status() {
    ends_with("worker_that_exits", 7);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_exits() {
    let _busy = busy();
    std::process::exit(7);
}

#[test]
fn a_panic_unwinds_and_keeps_its_status() {
    ends_with("worker_that_panics", 101);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_panics() {
    let busy = busy();
    panic!("with {} frames alive, as the test wants", busy.frames.len());
}

#[test]
fn exit_while_other_threads_copy_makes_no_late_call() {
    ends_with("worker_that_exits_while_others_copy", 3);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_exits_while_others_copy() {
    let busy: &'static Busy = Box::leak(Box::new(busy()));
    if !driver::is_real() {
        driver::set("copy_delay_us=100");
    }
    for frame in &busy.frames {
        std::thread::spawn(move || {
            let mut device =
                std::mem::ManuallyDrop::new(busy.stream.alloc_zeros::<u8>(BYTES).unwrap());
            loop {
                match frame.copy_into(&mut *device, &busy.stream) {
                    Ok(()) => {}
                    Err(CopyError::NoDevice {
                        reason: FallbackReason::Exiting,
                    }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    std::thread::sleep(Duration::from_millis(100));
    std::process::exit(3);
}

/// Another zenoh process that begins and ends its shared memory.
fn another_process_comes_and_goes() {
    let mut worker = worker::orders("worker_with_a_pool_of_its_own").start();
    worker.line("ready");
    worker.end_without_report();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_with_a_pool_of_its_own() {
    let _slot = pool("its own").alloc(1).unwrap();
    println!("ready");
    worker::wait_for_end();
}

#[test]
fn a_signal_that_nobody_handles_leaves_segments_to_the_next_zenoh_process() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let (mut worker, name) = started("worker_that_waits");
        worker.signal(signal);
        assert_eq!(worker.status().signal(), Some(signal));
        assert_eq!(shm::segments_of_pool(&name).len(), 1, "as zenoh's own");
        another_process_comes_and_goes();
        assert_eq!(shm::segments_of_pool(&name), Vec::<String>::new());
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_waits() {
    let _busy = busy();
    worker::wait_for_end();
}

static ASKED_TO_END: AtomicBool = AtomicBool::new(false);

extern "C" fn ask_to_end(_: i32) {
    ASKED_TO_END.store(true, Ordering::SeqCst);
}

extern "C" fn exit_at_once(_: i32) {
    // SAFETY: not allowed in a handler in general; here the thread that is interrupted sleeps in a system
    // call and holds no lock of the C library.
    unsafe { libc::exit(5) };
}

fn handle(handler: extern "C" fn(i32)) {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: both handlers have the signature that is asked for.
        unsafe { libc::signal(signal, handler as *const () as libc::sighandler_t) };
    }
}

#[test]
fn a_handler_that_sets_a_flag_lets_the_program_end_as_it_likes() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let (mut worker, name) = started("worker_with_a_flag");
        worker.signal(signal);
        assert_eq!(worker.status().code(), Some(0));
        worker.report().assert_clean();
        assert_eq!(shm::segments_of_pool(&name), Vec::<String>::new());
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_with_a_flag() {
    handle(ask_to_end);
    let busy = busy();
    let mut sequence = 0;
    while !ASKED_TO_END.load(Ordering::SeqCst) {
        // Waits in system calls that the signal interrupts: neither an error nor a lost slot.
        drop(frame(&busy.pool, &busy.pinner, sequence));
        let error = busy
            .pool
            .alloc_timeout(2 * BYTES, Duration::ZERO)
            .unwrap_err();
        assert!(error.to_string().contains("slot_bytes"), "{error}");
        sequence += 1;
    }
}

#[test]
fn a_handler_that_exits_during_a_wait_for_a_slot_ends_cleanly() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let (mut worker, name) = started("worker_that_exits_in_a_handler");
        worker.line("waiting");
        worker.signal(signal);
        assert_eq!(worker.status().code(), Some(5));
        worker.report().assert_no_violation();
        assert_eq!(shm::segments_of_pool(&name), Vec::<String>::new());
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_exits_in_a_handler() {
    let busy = busy();
    let _last = busy.pool.alloc(BYTES).unwrap();
    handle(exit_at_once);
    println!("waiting");
    let _ = busy.pool.alloc_timeout(BYTES, Duration::from_secs(60));
    panic!("{} got a slot", busy.name);
}

#[test]
fn a_process_that_ends_soon_after_it_has_made_a_pool_says_nothing() {
    let program = std::env::current_exe().unwrap();
    for milliseconds in 0..40 {
        let mut process = std::process::Command::new(&program);
        process.args([
            "worker_that_ends_soon",
            "--exact",
            "--ignored",
            "--nocapture",
        ]);
        process.env("ENDS_AFTER", milliseconds.to_string());
        let ended = process.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(
            ended.status.success() && !said.contains("panicked"),
            "{said}"
        );
    }
}

#[test]
#[ignore = "the process of a test"]
fn worker_that_ends_soon() {
    let milliseconds = std::env::var("ENDS_AFTER").unwrap().parse().unwrap();
    let pool = pool("ends soon");
    std::thread::sleep(Duration::from_millis(milliseconds));
    std::mem::forget(pool);
    std::process::exit(0);
}
