//! What happens when the process exits without dropping everything first.
//!
//! Two `atexit` handlers. One, installed with the first device, closes the gate before the CUDA driver:
//! no background thread may be in a driver call, or start one, while the driver shuts down. Handlers run
//! in reverse order of installation, and the driver installs its own when it is initialised, so this one
//! is installed after that and runs before. The other, installed with the first segment, unlinks the
//! segments that this process has open and nobody else holds: ours, and zenoh's own metadata, which
//! zenoh 1.10 leaves behind at every exit of a producer because its locks still stand when it looks.
//!
//! The same handler unlinks the account page of the process (`os::account_file`), and before it looks it
//! closes a second gate, so that no thread gives a new page its name behind its back.
//!
//! A forked child inherits the handlers and, shared with its parent, the locks. In it they do nothing, but for an
//! account page that the child has made itself, and it is never let through the gate.
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
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    sync::{
        Once, OnceLock, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use super::{descriptors, file, mutex, per_process::PerProcess};

static EXITING: AtomicBool = AtomicBool::new(false);
static GATE: RwLock<()> = RwLock::new(());
/// Made by the process whose segments the handler looks after.
static SEGMENTS: PerProcess<()> = PerProcess::new(|| ());
/// Made by the process that has initialised the driver; a forked child has no driver.
static DRIVER: PerProcess<()> = PerProcess::new(|| ());
/// A forked child begins with an account of its own.
static NAMING: PerProcess<Naming> = PerProcess::new(|| Naming {
    gate: RwLock::default(),
    is_over: AtomicBool::default(),
    account_file: AtomicI32::new(NO_FILE),
    account_id: AtomicU32::default(),
});

/// The names that this process has given, and the end of giving them.
struct Naming {
    /// Held for reading while something gets its name, for writing by the handler that unlinks.
    gate: RwLock<()>,
    /// The handler has begun.
    is_over: AtomicBool,
    /// Descriptor and id of the account page; no descriptor ([`NO_FILE`]) where there is none.
    account_file: AtomicI32,
    account_id: AtomicU32,
}

const NO_FILE: i32 = -1;

/// Rounds of this library's own threads, which look for slots and sweep pools, and their end.
#[derive(Default)]
struct Rounds {
    /// Held for reading during a round.
    gate: RwLock<()>,
    is_over: AtomicBool,
}

static ROUNDS: PerProcess<Rounds> = PerProcess::new(Rounds::default);

/// Arranges that the gate closes before the CUDA driver shuts down. Call it when the driver has been initialised.
pub(crate) fn close_gate_before_driver() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| at_exit(close_gate));
    DRIVER.of_this_process();
}

/// Whether the driver was initialised by the process that this one was forked from: every call into it would
/// be a mistake.
pub(crate) fn driver_is_inherited() -> bool {
    DRIVER.is_inherited()
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
    let guard = mutex::read(&GATE);
    // Relaxed: the handler stores the flag before it takes the gate for writing, and the gate's own
    // ordering makes the store visible to whoever gets through the gate after that. A thread may hold
    // the gate twice: nobody ever queues for writing, which is what could block the second time.
    (!EXITING.load(Ordering::Relaxed)).then_some(guard)
}

/// Arranges that `work` is done once at exit, before zenoh's own handlers: those registered so far run later. A child
/// that is forked after this does not do it.
///
/// It runs on a thread of its own: the one that exits has no thread-locals any more, which logging needs, and
/// may have been interrupted by a signal with locks held. So the exit waits for it no longer than `patience`
/// says.
pub(crate) fn before_zenoh_ends(work: fn(), patience: fn() -> Duration) {
    struct Work {
        work: fn(),
        patience: fn() -> Duration,
    }
    static WORK: PerProcess<OnceLock<Work>> = PerProcess::new(OnceLock::new);
    static DONE: AtomicBool = AtomicBool::new(false);
    extern "C" fn run() {
        let Some(Work { work, patience }) = WORK.get() else {
            return;
        };
        let thread = std::thread::Builder::new().name(String::from("zpin-ending"));
        let work = *work;
        let spawned = thread.spawn(move || {
            // The process is ending: nobody is left to tell about a panic.
            let _ = std::panic::catch_unwind(work);
            // Release: nothing of the work comes after the exit goes on.
            DONE.store(true, Ordering::Release);
        });
        let until = Instant::now() + patience();
        while spawned.is_ok() && !DONE.load(Ordering::Acquire) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    if WORK.set(Work { work, patience }).is_ok() {
        at_exit(run);
    }
}

/// Permission to use zenoh's memory on a thread of this library, for as long as it is kept; `None` once the process ends:
/// zenoh's own handlers take away what that needs.
pub(crate) fn enter_round() -> Option<RwLockReadGuard<'static, ()>> {
    let rounds = ROUNDS.of_this_process();
    let guard = rounds.gate.try_read().ok()?;
    // Relaxed: as for the driver's gate, the lock orders the handler's store.
    (!rounds.is_over.load(Ordering::Relaxed)).then_some(guard)
}

/// Nobody enters a round any more, and whoever is in one comes out.
pub(crate) fn end_rounds() {
    let rounds = ROUNDS.of_this_process();
    rounds.is_over.store(true, Ordering::Relaxed);
    wait_for_those_in(&rounds.gate);
}

/// Arranges that rounds end before what zenoh has made so far goes.
pub(crate) fn end_rounds_before_zenoh() {
    extern "C" fn end() {
        end_rounds();
    }
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| at_exit(end));
}

/// Arranges that segments that are still open at exit are unlinked where nobody else holds them.
pub(crate) fn unlink_segments_at_exit() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        SEGMENTS.of_this_process();
        at_exit(unlink_segments);
    });
}

/// Permission to give a segment or an account page its name; `None` once the process has begun to unlink.
pub(crate) fn enter_naming() -> Option<RwLockReadGuard<'static, ()>> {
    let naming = NAMING.of_this_process();
    let guard = mutex::read(&naming.gate);
    // Relaxed: as for the driver's gate, the lock orders the handler's store.
    (!naming.is_over.load(Ordering::Relaxed)).then_some(guard)
}

/// Arranges that this account page is unlinked at exit. Its owner says [`account_is_gone`] before it closes the file.
pub(crate) fn unlink_account_at_exit(file: &OwnedFd, id: u32) {
    unlink_segments_at_exit();
    // Relaxed: the handler comes behind the naming gate, which the caller holds.
    NAMING.account_id.store(id, Ordering::Relaxed);
    let file = file.as_raw_fd();
    NAMING.account_file.store(file, Ordering::Relaxed);
}

/// The account page is about to be unlinked and closed by its owner.
pub(crate) fn account_is_gone() {
    // Relaxed: a handler that reads the old value meets a descriptor whose file has another identity, and
    // unlinks nothing.
    NAMING.account_file.store(NO_FILE, Ordering::Relaxed);
}

fn unlink_account() {
    let naming = NAMING.of_this_process();
    naming.is_over.store(true, Ordering::Relaxed);
    wait_for_those_in(&naming.gate);
    let file = naming.account_file.load(Ordering::Relaxed);
    if file != NO_FILE {
        // SAFETY: used for this call only; should another thread close the descriptor meanwhile, the call
        // fails or finds another file than the name means, and nothing is unlinked.
        let file = unsafe { BorrowedFd::borrow_raw(file) };
        file::unlink_if_last(file, naming.account_id.load(Ordering::Relaxed));
    }
}

extern "C" fn close_gate() {
    if !DRIVER.is_made_here() {
        return;
    }
    EXITING.store(true, Ordering::Relaxed);
    wait_for_those_in(&GATE);
}

/// Whoever is in a gate gets this long to come out; one that hangs must not hang the exit.
fn wait_for_those_in(gate: &RwLock<()>) {
    let patience = Instant::now() + Duration::from_secs(2);
    while gate.try_write().is_err() && Instant::now() < patience {
        std::thread::sleep(Duration::from_micros(100));
    }
}

extern "C" fn unlink_segments() {
    unlink_account();
    if !SEGMENTS.is_made_here() {
        return;
    }
    // Without a descriptor to look with, the next zenoh process unlinks them.
    let open = descriptors::open_segments().unwrap_or_default();
    let open_segments = file::named_segments()
        .filter_map(|(id, identity)| Some((id, &open.get(&identity)?.descriptors)));
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
