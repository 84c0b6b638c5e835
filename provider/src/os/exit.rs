//! What happens when the process exits without dropping everything first.
//!
//! One `atexit` handler, installed by the first segment or CUDA context. It closes the gate before
//! CUDA (no background thread may be in a driver call, or start one, while the driver shuts down) and
//! unlinks the segments of this process that nobody else holds. Handlers run in reverse order of
//! installation, so this one runs before the driver's, which was installed when the driver was loaded.

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
/// The process that installed the handler. A forked child inherits the handler, the list and the locks,
/// which are shared with its parent: it must leave all of them alone.
static INSTALLER: AtomicU32 = AtomicU32::new(0);
static GATE: RwLock<()> = RwLock::new(());
/// The segments made by this process, by descriptor: it is unique while it is open.
static SEGMENTS: Mutex<BTreeMap<RawFd, u32>> = Mutex::new(BTreeMap::new());

/// Installs the handler once. Call it after the CUDA driver has been loaded, where one is.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Relaxed: read only by the exit handler of a process that got this value by being forked or
        // by running this line.
        INSTALLER.store(std::process::id(), Ordering::Relaxed);
        // SAFETY: the handler is a plain function of this library, which is never unloaded, and it
        // neither panics nor unwinds.
        unsafe { libc::atexit(on_exit) };
    });
}

/// Permission to call the CUDA driver from code that the user did not call: a background thread or a
/// destructor. `None` once the process has begun to exit; then leak instead.
pub(crate) fn enter_driver() -> Option<RwLockReadGuard<'static, ()>> {
    let guard = GATE.read().unwrap_or_else(PoisonError::into_inner);
    // Relaxed: the handler stores the flag before it takes the gate for writing, and the gate's own
    // ordering makes the store visible to whoever gets through the gate after that.
    (!EXITING.load(Ordering::Relaxed)).then_some(guard)
}

/// Has the segment unlinked at exit, if it has not been forgotten until then.
pub(crate) fn remember_segment(file: &OwnedFd, id: u32) {
    install();
    lock_segments().insert(file.as_raw_fd(), id);
}

/// Takes the segment off the list, because its owner unlinks it now. One that is not on it is fine.
pub(crate) fn forget_segment(file: &OwnedFd) {
    lock_segments().remove(&file.as_raw_fd());
}

fn lock_segments() -> std::sync::MutexGuard<'static, BTreeMap<RawFd, u32>> {
    SEGMENTS.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn on_exit() {
    if INSTALLER.load(Ordering::Relaxed) != std::process::id() {
        return;
    }
    EXITING.store(true, Ordering::Relaxed);
    // A call in progress gets this long to end; one that hangs must not hang the exit.
    let patience = Instant::now() + Duration::from_secs(2);
    while GATE.try_write().is_err() && Instant::now() < patience {
        std::thread::sleep(Duration::from_micros(100));
    }
    if let Ok(segments) = SEGMENTS.try_lock() {
        for (&descriptor, &id) in segments.iter() {
            // SAFETY: an owner forgets its segment before it closes the descriptor, and the list is
            // locked here, so each listed descriptor is open.
            let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
            if let Ok(descriptor) = descriptor.try_clone_to_owned() {
                file::unlink_if_last(&descriptor, id);
            }
        }
    }
}
