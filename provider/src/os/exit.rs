//! What happens when the process exits without dropping everything first.
//!
//! Two `atexit` handlers. One, installed with the first device, closes the gate before the CUDA driver:
//! no background thread may be in a driver call, or start one, while the driver shuts down. Handlers run
//! in reverse order of installation, and the driver installs its own when it is initialised, so this one
//! is installed after that and runs before. The other, installed with the first segment, unlinks the
//! segments that this process has open and nobody else holds: ours, and zenoh's own metadata, which
//! zenoh 1.10 leaves behind at every exit of a producer because its locks still stand when it looks.
//!
//! A forked child inherits the handlers and, shared with its parent, the locks. In it they do nothing, and it
//! is never let through the gate.
//!
//! A process that a signal ends runs no handler: its locks go with it, and the next zenoh process unlinks what
//! it had. `exit` in a signal handler runs these in the interrupted thread: closing the gate waits no longer
//! than its patience for a call that this very thread was in; reading `/proc/self/fd` allocates, so a thread that
//! was interrupted in the allocator hangs, as any exit handler would let it (signal-safety(7)).
//!
//! Knowingly weak: a process that shares its segments' descriptors by a fork gives up the locks of both
//! when it exits, so what the other still uses may lose its name; a mapping that is there stays. Closing
//! the descriptors instead would not do: the mappings keep the locks.

use std::{
    collections::BTreeMap,
    os::fd::{BorrowedFd, RawFd},
    sync::{
        Once, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use super::file;

static EXITING: AtomicBool = AtomicBool::new(false);
static GATE: RwLock<()> = RwLock::new(());
/// The process whose segments the handler looks after.
static OWNER: AtomicU32 = AtomicU32::new(0);
/// The process that has initialised the driver; a forked child has no driver.
static DRIVER_OWNER: AtomicU32 = AtomicU32::new(0);

/// Has the gate closed before the CUDA driver shuts down. Call it when the driver has been initialised.
pub(crate) fn close_gate_before_driver() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| at_exit(close_gate));
    // Relaxed: read by this process, or by one that was forked from it later.
    DRIVER_OWNER.store(std::process::id(), Ordering::Relaxed);
}

/// Whether the driver was initialised by the process that this one was forked from: every call into it would
/// be a mistake.
pub(crate) fn driver_is_inherited() -> bool {
    let owner = DRIVER_OWNER.load(Ordering::Relaxed);
    owner != 0 && owner != std::process::id()
}

fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the handlers are plain functions of this library, which is never unloaded, and neither
    // panics.
    unsafe { libc::atexit(handler) };
}

pub(crate) type DriverGate = RwLockReadGuard<'static, ()>;

/// Permission to call the CUDA driver, for as long as it is kept: from code that the user did not call (a
/// background thread or a destructor), and from copies, which other threads may be making while the process
/// exits. `None` once the process has begun to exit, and in a forked child; then leak instead.
pub(crate) fn enter_driver() -> Option<DriverGate> {
    if driver_is_inherited() {
        return None;
    }
    let guard = GATE.read().unwrap_or_else(PoisonError::into_inner);
    // Relaxed: the handler stores the flag before it takes the gate for writing, and the gate's own
    // ordering makes the store visible to whoever gets through the gate after that. A thread may hold
    // the gate twice: nobody ever queues for writing, which is what could block the second time.
    (!EXITING.load(Ordering::Relaxed)).then_some(guard)
}

/// Has the segments that are still open at exit unlinked where nobody else holds them.
pub(crate) fn unlink_segments_at_exit() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Relaxed: read only by the exit handler of a process that got this value by running this
        // line or by being forked.
        OWNER.store(std::process::id(), Ordering::Relaxed);
        at_exit(unlink_segments);
    });
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
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    // By identity: what this process has made had no name when it was opened. One that receives its own
    // segments has each open more than once.
    let mut open_files: BTreeMap<(u64, u64), Vec<RawFd>> = BTreeMap::new();
    for descriptor in descriptors.filter_map(Result::ok) {
        let target = std::fs::read_link(descriptor.path()).ok();
        let number = descriptor
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let (Some(target), Some(number)) = (target, number) else {
            continue;
        };
        if !target.starts_with(file::DIRECTORY) {
            continue;
        }
        // SAFETY: as below.
        if let Ok((identity, _)) = file::inspect(unsafe { BorrowedFd::borrow_raw(number) }) {
            let files = open_files.entry((identity.device, identity.inode));
            files.or_default().push(number);
        }
    }
    let open_segments = file::named_segments().filter_map(|(id, identity)| {
        let descriptors = open_files.get(&(identity.device, identity.inode))?;
        Some((id, descriptors))
    });
    for (id, descriptors) in open_segments {
        let Some((last, others)) = descriptors.split_last() else {
            continue;
        };
        // The exclusive lock that says "the last one" is refused while this process has a shared one
        // through another descriptor.
        for other in others {
            // SAFETY: as below.
            file::unlock(unsafe { BorrowedFd::borrow_raw(*other) });
        }
        // SAFETY: the descriptor was open a moment ago, and is only used for this call. Should another
        // thread have closed it, the call fails; should it mean another segment by now, the identity
        // of name and file differs, and nothing is unlinked.
        file::unlink_if_last(unsafe { BorrowedFd::borrow_raw(*last) }, id);
    }
}
