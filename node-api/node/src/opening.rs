//! Opening a zenoh session within a bounded time.
//!
//! zenoh waits for peers for as long as its configuration says, which may be for ever. So a session opens on a thread of
//! its own, and the caller waits until a deadline or a signal. A session that opens later is closed there. In a forked
//! child whose parent has used zenoh it is an error at once: zenoh's threads, which opening waits for, are not there.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

use zenoh::Session;

/// How often the wait checks whether it was interrupted.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The process was forked from one that had opened a session, whose threads are not here.
    #[error(
        "this process was forked from one that had used zenoh, which does not work across a fork: start processes with exec (Python: multiprocessing's start methods 'spawn' and 'forkserver'), or fork before the first session"
    )]
    Forked,
    /// No session within that time: usually a peer or router that was to be connected to is not there, and the
    /// configuration has zenoh try for longer.
    #[error(
        "zenoh did not open within {waited:?}: see that what connect/endpoints names is running, shorten connect/timeout_ms or scouting/timeout of the configuration, or wait longer with open_within()"
    )]
    TimedOut {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The wait was ended from outside; see [`zenoh_pinned::interruptible`].
    #[error("opening the session was interrupted")]
    Interrupted,
    /// No thread could be started to wait on.
    #[error("no thread could be started to open the session on: {0}")]
    NoThread(#[source] std::io::Error),
    /// zenoh panicked, for instance because it could not start its own threads.
    #[error("zenoh panicked while it opened: {detail}")]
    Panicked {
        /// What it said.
        detail: String,
    },
    /// zenoh's own.
    #[error("zenoh did not open: {0}")]
    Zenoh(zenoh::Error),
}

/// Opens a session by `open`, and waits for it no longer than `timeout`. May be called on any thread, also of an
/// asynchronous runtime.
pub(crate) fn wait_for(
    open: impl FnOnce() -> zenoh::Result<Session> + Send + 'static,
    timeout: Duration,
) -> Result<Session, OpenError> {
    if zenoh_pinned::zenoh_is_inherited() {
        return Err(OpenError::Forked);
    }
    let (done, opened) = sync_channel(1);
    let thread = std::thread::Builder::new().name(String::from("zpin-opening"));
    let spawned = thread.spawn(move || {
        let opened = catch_unwind(AssertUnwindSafe(|| open().map_err(OpenError::Zenoh)))
            .unwrap_or_else(|panic| {
                let fixed = panic.downcast_ref::<&str>().copied();
                let said = fixed.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                let detail = said.unwrap_or("it did not say why").to_owned();
                Err(OpenError::Panicked { detail })
            });
        // Where nobody waits any more, sending fails, and dropping the session closes it.
        let _ = done.send(opened);
    });
    spawned.map_err(OpenError::NoThread)?;
    let begun = Instant::now();
    loop {
        let left = timeout.saturating_sub(begun.elapsed());
        match opened.recv_timeout(left.min(ASK_EVERY)) {
            Ok(opened) => return opened,
            // Not reached: the thread always sends.
            Err(RecvTimeoutError::Disconnected) => return Err(OpenError::Interrupted),
            Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                return Err(OpenError::TimedOut { waited: timeout });
            }
            Err(RecvTimeoutError::Timeout) if zenoh_pinned::is_interrupted() => {
                return Err(OpenError::Interrupted);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
