//! Whether zenoh can have shared memory in this process at all.
//!
//! zenoh keeps the reference counts of all buffers in metadata segments of 1.25 MiB, one per producing
//! process, which every side locks (`mlock`). Where that is not allowed, zenoh 1.10 panics on the first
//! allocation, and a consumer silently loses what it cannot attach. So it is found out beforehand.
//!
//! Where no segment can be made, zenoh fails to open a session; and without `/proc` nobody can tell whether the bytes
//! that zenoh points to are all there. This too is found out here.

use crate::{
    budget::Readable,
    os::{file, limits, per_process::PerProcess},
    reason::FallbackReason,
};

/// zenoh's metadata of this process and of one peer, and a few pages that sessions negotiate with.
pub(crate) const ZENOH_LOCKS_BYTES: usize = 2 * ZENOH_METADATA_BYTES + SESSION_BYTES;
/// More than what sessions negotiate with, which are a few pages.
const SESSION_BYTES: usize = 64 << 10;
/// The metadata of one process: a header and a watchdog word for each of 32,768 buffers.
pub(crate) const ZENOH_METADATA_BYTES: usize = 32_768 * (32 + 8);

/// Why zenoh cannot have shared memory in this process; `None` where it can. Found out once in a process. In a child
/// that is forked later the answer is never `None`: two processes would share zenoh's metadata, each as if it were
/// alone, and one of them without the threads that keep it alive.
pub(crate) fn without_shared_memory() -> Option<FallbackReason> {
    static FOUND: PerProcess<Option<FallbackReason>> = PerProcess::new(found_out);
    match FOUND.is_inherited() {
        true => Some(FallbackReason::Forked),
        false => FOUND.clone(),
    }
}

/// Why zenoh has no room in `/dev/shm` at this moment for the little that a session begins with.
fn without_room() -> Option<FallbackReason> {
    let detail = if let Some(total_files) = file::files_used_up() {
        format!("/dev/shm has all of the {total_files} files that it takes")
    } else {
        let (free_bytes, total_bytes) = file::space()?;
        if free_bytes >= SESSION_BYTES as u64 {
            return None;
        }
        let (free, total) = (Readable(free_bytes), Readable(total_bytes));
        format!("/dev/shm has {free} free of {total}")
    };
    Some(FallbackReason::SharedMemoryFull { detail })
}

fn found_out() -> Option<FallbackReason> {
    if !limits::may_lock(ZENOH_LOCKS_BYTES) {
        return Some(FallbackReason::LockedMemoryLimit {
            limit_bytes: limits::locked_memory_limit().unwrap_or(0),
            needed_bytes: ZENOH_LOCKS_BYTES as u64,
        });
    }
    let detail = file::why_none_can_be_made()?;
    Some(FallbackReason::NoSegments { detail })
}

/// Made by the process that was the first to prepare a session.
static PREPARED: PerProcess<()> = PerProcess::new(|| ());

/// Whether a zenoh session was prepared ([`prepare_session`]) in the process that this one was forked from. zenoh's
/// threads are not here then: opening a session would wait for them for ever, also where the parent's session was
/// closed, or never opened.
pub fn zenoh_is_inherited() -> bool {
    PREPARED.is_inherited()
}

/// Makes a session's configuration fit this process: turns shared memory off where zenoh may not lock
/// its metadata, because it would then lose every shared-memory message without a word, and where no segment
/// can be made or `/dev/shm` is full at this moment, because it would then not open. Frames arrive
/// as ordinary bytes instead.
///
/// Call it on every configuration before `zenoh::open`. Returns the reason where shared memory was
/// turned off.
///
/// It does not make zenoh usable in a forked child whose parent has used it: see [`zenoh_is_inherited`].
///
/// ```
/// let mut config = zenoh::Config::default();
/// if let Some(reason) = zenoh_pinned::prepare_session(&mut config) {
///     println!("frames will travel as ordinary bytes: {reason}");
/// }
/// // Then `zenoh::open(config)`.
/// ```
pub fn prepare_session(config: &mut zenoh::Config) -> Option<FallbackReason> {
    if !PREPARED.is_inherited() {
        PREPARED.of_this_process();
    }
    let reason = without_shared_memory().or_else(without_room)?;
    tracing::warn!(%reason, "shared memory is turned off for this session");
    if let Err(error) = config.insert_json5("transport/shared_memory/enabled", "false") {
        tracing::error!(%error, "zenoh did not take the setting");
    }
    Some(reason)
}
