//! What happens when the process exits without dropping everything first.
//!
//! Two `atexit` handlers. One, installed with the first device, closes the gate before the CUDA driver:
//! no background thread may be in a driver call, or start one, while the driver shuts down. Handlers run
//! in reverse order of installation, and the driver installs its own when it is initialised, so this one
//! is installed after that and runs before. The other, installed with the first segment, unlinks the
//! segments of this process that nobody else holds.
//!
//! A forked child inherits handlers, list and locks; the locks it shares with its parent. Its segment
//! handler does nothing.

use std::{
    collections::BTreeMap,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd},
    sync::{
        Mutex, Once, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use super::file;

static EXITING: AtomicBool = AtomicBool::new(false);
static GATE: RwLock<()> = RwLock::new(());
/// The process whose segments are listed.
static OWNER: AtomicU32 = AtomicU32::new(0);
/// The process that has initialised the driver; a forked child has no driver.
static DRIVER_OWNER: AtomicU32 = AtomicU32::new(0);
/// The segments that this process has made or attached, by descriptor: it is unique while it is open.
static SEGMENTS: Mutex<BTreeMap<RawFd, u32>> = Mutex::new(BTreeMap::new());

/// Has the gate closed before the CUDA driver shuts down. Call it when the driver has been initialised.
pub(crate) fn close_gate_before_driver() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| at_exit(close_gate));
    // Relaxed: read by this process, or by one that was forked from it later.
    DRIVER_OWNER.store(std::process::id(), Ordering::Relaxed);
}

fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the handlers are plain functions of this library, which is never unloaded, and neither
    // panics.
    unsafe { libc::atexit(handler) };
}

/// Permission to call the CUDA driver from code that the user did not call: a background thread or a
/// destructor. `None` once the process has begun to exit, and in a forked child; then leak instead.
pub(crate) fn enter_driver() -> Option<RwLockReadGuard<'static, ()>> {
    let owner = DRIVER_OWNER.load(Ordering::Relaxed);
    if owner != 0 && owner != std::process::id() {
        return None;
    }
    let guard = GATE.read().unwrap_or_else(PoisonError::into_inner);
    // Relaxed: the handler stores the flag before it takes the gate for writing, and the gate's own
    // ordering makes the store visible to whoever gets through the gate after that. A thread may hold
    // the gate twice: nobody ever queues for writing, which is what could block the second time.
    (!EXITING.load(Ordering::Relaxed)).then_some(guard)
}

/// Has the segment unlinked at exit, if it has not been forgotten until then.
pub(crate) fn remember_segment(file: &OwnedFd, id: u32) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Relaxed: read only by the exit handler of a process that got this value by running this
        // line or by being forked.
        OWNER.store(std::process::id(), Ordering::Relaxed);
        at_exit(unlink_segments);
    });
    lock_segments().insert(file.as_raw_fd(), id);
}

/// Takes the segment off the list, because its owner unlinks it now. One that is not on it is fine.
pub(crate) fn forget_segment(file: &OwnedFd) {
    lock_segments().remove(&file.as_raw_fd());
}

fn lock_segments() -> std::sync::MutexGuard<'static, BTreeMap<RawFd, u32>> {
    SEGMENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn close_gate() {
    if DRIVER_OWNER.load(Ordering::Relaxed) != std::process::id() {
        return;
    }
    EXITING.store(true, Ordering::Relaxed);
    // A call in progress gets this long to end; one that hangs must not hang the exit.
    let patience = Instant::now() + Duration::from_secs(2);
    while GATE.try_write().is_err() && Instant::now() < patience {
        std::thread::sleep(Duration::from_micros(100));
    }
}

extern "C" fn unlink_segments() {
    if OWNER.load(Ordering::Relaxed) != std::process::id() {
        return;
    }
    // Another thread may be at it for a moment; one that was stopped there must not hang the exit.
    let patience = Instant::now() + Duration::from_millis(100);
    let segments = loop {
        match SEGMENTS.try_lock() {
            Ok(segments) => break segments,
            Err(_) if Instant::now() >= patience => return,
            Err(_) => std::thread::sleep(Duration::from_micros(100)),
        }
    };
    for (&descriptor, &id) in segments.iter() {
        // SAFETY: an owner forgets its segment before it closes the descriptor, and the list is locked
        // here, so each listed descriptor is open.
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
        file::unlink_if_last(descriptor, id);
    }
}
