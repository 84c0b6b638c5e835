//! Segments that zenoh has had attached in this process, and let go of once nobody here needs them.
//!
//! zenoh keeps what a client has attached for as long as the client storage lives, which may be as long as the
//! process does: each producer that was killed or restarted would leave its memory behind in every consumer. So
//! what zenoh keeps is an [`Attachment`], and the mapping in it comes and goes.
//!
//! When it goes: no buffer of the segment is held here, nothing has arrived in it for a while, and its producer is dead
//! ([`AFTER_DEATH`]) or, where the segment does not name one, it has idled for long ([`IDLE`]). The while is
//! for messages of a dead producer that have arrived and that zenoh has not read yet. Whoever is the last to let go of a
//! file unlinks it, and its memory is free.
//!
//! Who may write what: zenoh's threads map chunks; the one thread of this module lets go.
//!
//! Locks: each attachment has a mutex, held while a chunk's address is given out, while the segment is attached again and
//! while it is let go of. The list has one, held for list operations.
//!
//! Invariants:
//! - A mapping goes only while zenoh's storage is the only owner of its attachment besides this module's thread. A buffer
//!   owns it too, from before its address is asked for (zenoh-shm 1.10, `reader.rs`): whoever comes to own it meanwhile
//!   finds no mapping behind the mutex, and attaches again.
//! - A pinner lets go first: a registration that a frame or a copy uses keeps the mapping.
//! - That a producer is dead is only a reason to look: were it not true, its next message would attach again.
//!
//! Knowingly weak: a message of a dead producer that zenoh reads later than [`AFTER_DEATH`], because a callback held its
//! thread up for so long, is lost if this was the last process to have the segment. Pinners that no client was made
//! with keep what they have seen. zenoh's own metadata of each producer stays, one descriptor and 1.25 MiB: zenoh
//! keeps it mapped in a static table, and reads and writes it when a late message names it. Its pages are unlocked here,
//! because under the usual limit of 8 MiB a consumer could otherwise attach no further producer after six restarts, and
//! would receive nothing, without a word.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
    sync::{Arc, Condvar, Mutex, PoisonError, Weak, atomic},
    time::{Duration, Instant},
};

use zenoh::shm::{ChunkID, SegmentID, ShmSegment};

use crate::{
    availability::ZENOH_METADATA_BYTES,
    os::{
        clock::{LastUse, Moment},
        descriptors,
        life::Life,
        limits, mutex,
        per_process::PerProcess,
        waiting,
    },
    pinner::WeakPinner,
    segment::{AttachError, Segment},
};

/// How long a segment of a dead producer stays after its last use: as long as zenoh gives a link.
const AFTER_DEATH: Duration = Duration::from_secs(10);
/// How long a segment stays that does not name its producer.
const IDLE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long nothing is done after zenoh has attached something.
const UNLOCK_AFTER: Duration = Duration::from_millis(200);
const LOOK_FOR_LOCKED_EVERY: Duration = Duration::from_millis(10);
/// zenoh's metadata of a producer, and its segment.
const DESCRIPTORS_OF_A_PRODUCER: usize = 2;

/// What zenoh's client storage keeps of a segment.
#[derive(Debug)]
pub(crate) struct Attachment {
    id: SegmentID,
    pinner: Option<WeakPinner>,
    segment: Mutex<Option<Arc<Segment>>>,
    last_use: LastUse,
}

impl Attachment {
    /// Attaches the segment, which `pinner` is told of.
    pub(crate) fn new(id: SegmentID, pinner: Option<WeakPinner>) -> Result<Arc<Self>, AttachError> {
        let segment = attach(id, pinner.as_ref())?;
        let attachment = Arc::new(Self {
            id,
            pinner,
            segment: Mutex::new(Some(segment)),
            last_use: LastUse::now(),
        });
        look_after(|state| {
            state.attachments.push(Arc::downgrade(&attachment));
            state.are_new = true;
        });
        Ok(attachment)
    }

    /// Lets go of the mapping if it is time.
    fn let_go_if_unused(self: &Arc<Self>, now: Moment) {
        let mut mapped = mutex::lock(&self.segment);
        let Some(segment) = mapped.as_ref() else {
            return;
        };
        // zenoh's storage and the caller.
        if Arc::strong_count(self) > 2 {
            self.last_use.note();
            return;
        }
        let unused = now.since(self.last_use.moment());
        let is_due = match segment.producer() {
            _ if unused < AFTER_DEATH => false,
            Some((pid, started)) => !Life::of(pid).may_be_since(started),
            None => unused >= IDLE,
        };
        let pinner = self.pinner.as_ref().and_then(WeakPinner::upgrade);
        if !is_due || pinner.is_some_and(|pinner| !pinner.let_go(segment.identity())) {
            return;
        }
        tracing::debug!(id = self.id, bytes = segment.bytes(), "segment let go of");
        // Acquire: whoever read the bytes has done so before giving up the attachment.
        atomic::fence(atomic::Ordering::Acquire);
        *mapped = None;
    }
}

impl ShmSegment for Attachment {
    fn map(&self, chunk: ChunkID) -> zenoh::Result<*mut u8> {
        let mut mapped = mutex::lock(&self.segment);
        self.last_use.note();
        let segment = match &*mapped {
            Some(segment) => segment,
            None => mapped.insert(attach(self.id, self.pinner.as_ref())?),
        };
        match segment.chunk_address(chunk) {
            Some(address) => Ok(NonNull::as_ptr(address)),
            None => Err(format!(
                "chunk {chunk} lies outside segment {} of {} bytes",
                segment.id(),
                segment.bytes()
            )
            .into()),
        }
    }
}

fn attach(id: SegmentID, pinner: Option<&WeakPinner>) -> Result<Arc<Segment>, AttachError> {
    let segment = Segment::attach(id).inspect_err(|error| {
        // zenoh drops the message without a word to the application.
        tracing::error!(%error, "a shared-memory message is lost");
    })?;
    // This is zenoh's thread, which receives for everybody: should the last pinner go here, it waits for nothing.
    waiting::not_during(|| {
        if let Some(pinner) = pinner.and_then(WeakPinner::upgrade) {
            pinner.segment_attached(&segment);
        }
    });
    Ok(segment)
}

/// Logs an error, for as long as `client` exists, when too few descriptors are left for a new producer.
pub(crate) fn watch_descriptors(client: &Arc<()>) {
    look_after(|state| state.clients.push(Arc::downgrade(client)));
}

/// What the thread looks after.
#[derive(Default)]
struct LookedAfter {
    attachments: Vec<Weak<Attachment>>,
    /// Some have come since the thread looked, and with them zenoh's metadata of their producer.
    are_new: bool,
    clients: Vec<Weak<()>>,
    is_running: bool,
}

/// A forked child has no thread, and its parent's attachments are not its to let go of: it begins anew.
static LOOKED_AFTER: PerProcess<Mutex<LookedAfter>> = PerProcess::new(Mutex::default);
static CHANGED: PerProcess<Condvar> = PerProcess::new(Condvar::new);

fn look_after(add: impl FnOnce(&mut LookedAfter)) {
    let mut state = LOOKED_AFTER.lock();
    if !state.is_running {
        let thread = std::thread::Builder::new().name(String::from("zpin-attached"));
        // Without a thread segments stay; the next one tries again.
        state.is_running = thread.spawn(run).is_ok();
    }
    add(&mut state);
    CHANGED.notify_all();
}

/// The next look is due: after a while, or soon where zenoh has attached something.
fn wait_for_next_look() {
    let state = LOOKED_AFTER.lock();
    let until = CHANGED.wait_timeout_while(state, LOOK_EVERY, |state| !state.are_new);
    let are_new = until.unwrap_or_else(PoisonError::into_inner).0.are_new;
    if !are_new {
        return;
    }
    // The first frames of a producer are worth more than the pages of its metadata, unless the next producer's
    // cannot be locked any more.
    let until = Instant::now() + UNLOCK_AFTER;
    while Instant::now() < until && !limits::is_half_locked() {
        std::thread::sleep(LOOK_FOR_LOCKED_EVERY);
    }
}

fn run() {
    waiting::never_here();
    let mut were_left = true;
    loop {
        wait_for_next_look();
        let (attachments, are_new): (Vec<_>, _) = {
            let mut state = LOOKED_AFTER.lock();
            state.clients.retain(|client| client.strong_count() > 0);
            state
                .attachments
                .retain(|attachment| attachment.strong_count() > 0);
            if state.clients.is_empty() && state.attachments.is_empty() {
                state.is_running = false;
                return;
            }
            let attachments = state.attachments.iter().filter_map(Weak::upgrade);
            (attachments.collect(), std::mem::take(&mut state.are_new))
        };
        if are_new && descriptors::unlock_pages_of_segments(ZENOH_METADATA_BYTES as u64).is_err() {
            // No descriptor was left; not again at once.
            std::thread::sleep(LOOK_EVERY);
            LOOKED_AFTER.lock().are_new = true;
        }
        let now = Moment::now();
        for attachment in attachments {
            // A panic concerns this attachment only.
            let _ = catch_unwind(AssertUnwindSafe(|| attachment.let_go_if_unused(now)));
        }
        let are_left = limits::are_descriptors_left(DESCRIPTORS_OF_A_PRODUCER);
        if were_left && !are_left {
            tracing::error!(
                "this process may have {} files open and has them, so zenoh drops what producers send that it has not \
                 attached yet, without a word: raise RLIMIT_NOFILE (ulimit -n, docker run --ulimit nofile=)",
                limits::open_files_limit()
            );
        }
        were_left = are_left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        os::{self, file},
        pinner::Pinner,
        segment::layout::SegmentLayout,
    };

    /// A segment of another library, and its id; the file goes when nobody has it locked.
    fn foreign(number: u32) -> (std::os::fd::OwnedFd, u32) {
        let file = file::create_unnamed().unwrap();
        file::reserve(&file, 0, os::page_bytes() as u64).unwrap();
        // Tests that run beside this one have other pids.
        let id = (0xA770 + number) << 16 | (std::process::id() & 0xFFFF);
        file::publish(&file, id).unwrap();
        (file, id)
    }

    fn is_mapped(attachment: &Attachment) -> bool {
        mutex::lock(&attachment.segment).is_some()
    }

    /// As zenoh has it: its storage is the other owner.
    fn look(storage: &Arc<Attachment>, later: Duration) {
        storage.clone().let_go_if_unused(Moment::now().after(later));
    }

    #[test]
    fn a_segment_that_idles_and_of_which_nothing_is_held_goes_and_comes_again_with_a_message() {
        let (file, id) = foreign(1);
        let pinner = Pinner::host_only();
        let storage = Attachment::new(id, Some(pinner.downgrade())).unwrap();
        look(&storage, IDLE / 2);
        assert!(is_mapped(&storage), "it may be used soon");
        let buffer = storage.clone();
        look(&storage, 2 * IDLE);
        assert!(is_mapped(&storage), "a buffer is held");
        drop(buffer);
        look(&storage, 2 * IDLE);
        assert!(!is_mapped(&storage));
        let address = storage.map(8).unwrap();
        // SAFETY: the segment has a page, nobody writes it, and it is mapped again.
        assert_eq!(unsafe { address.read() }, 0);
        assert!(is_mapped(&storage));
        look(&storage, 2 * IDLE);
        file::unlink_if_last(&file, id);
        drop(file);
        assert!(storage.map(8).is_err(), "the file has gone");
        assert!(storage.map(8).is_err());
    }

    #[test]
    fn a_frames_entry_keeps_the_mapping() {
        let (_file, id) = foreign(2);
        let pinner = Pinner::host_only();
        let storage = Attachment::new(id, Some(pinner.downgrade())).unwrap();
        let address = NonNull::new(storage.map(0).unwrap()).unwrap();
        let found = pinner.find(address, 8).unwrap().unwrap();
        look(&storage, 2 * IDLE);
        assert!(is_mapped(&storage));
        drop(found);
        look(&storage, 2 * IDLE);
        assert!(!is_mapped(&storage));
        file::unlink_if_last(&_file, id);
    }

    #[test]
    fn the_segment_of_a_producer_that_lives_stays_however_long_it_idles() {
        let layout = SegmentLayout::new(os::page_bytes(), 1).unwrap();
        let segment = Segment::create("attachment", layout).unwrap();
        let storage = Attachment::new(segment.id(), None).unwrap();
        look(&storage, 1000 * IDLE);
        assert!(is_mapped(&storage));
    }
}
