//! Reclaim: slots come back from consumers that have died, and never from one that lives.
//!
//! zenoh counts the references of a chunk in shared memory and does not say whose they are. A consumer that
//! is killed never gives its references back, so the chunk stays taken for ever (zenoh's safe garbage
//! collection) or is taken from consumers that merely stand still (its unsafe one). This module takes a
//! slot back where the kernel proves that nobody who could read it is left, and says why where it cannot. It stands on
//! `os` alone; a pool shows itself as [`ReclaimableSlots`].
//!
//! # What zenoh does
//! Each chunk has a header in a metadata segment of the producing process: count of references, `invalidated`,
//! generation, and which segment and chunk it describes. Each process that holds a buffer has a thread, the
//! confirmator, which sets the buffer's watchdog bit every 50 ms. A thread of the producer, the validator,
//! clears the bit every 100 ms; where it finds it clear already it sets `invalidated`, for the rest of the
//! generation, and does not look at that chunk again. A descriptor on its way is held by the sender, whose
//! confirmator sets the bit too, until the receiver has counted it as read or the link has gone. A receiver
//! checks `invalidated` and the generation after it has set the bit and before it hands out a buffer.
//!
//! # States of a slot, and transitions (`verdict`)
//! | state | seen | goes to |
//! |---|---|---|
//! | held | not invalidated | suspect, once invalidated |
//! | suspect since T | invalidated; bit cleared by us or found clear at T; who was attached at T, and how often each one's confirmator had slept | held, if the bit is set again: somebody lives who holds it, and the next look starts afresh. Free, once every process that was attached at T is gone or its confirmator has slept [`rounds::WAKES`] more times, and the bit is still clear. Else it stays: quarantine, with the reason |
//! | free | header claimed: the count is [`references::CLAIMED`] higher, its chunk is a number that no slot has | the slot is handed out again under another header |
//!
//! # Why no live process reads a slot that became free
//! 1. Once `invalidated` is seen, nobody new comes to hold the chunk: a receiver that looks finds it invalid.
//!    So whoever holds it after T held it at T.
//! 2. Whoever holds it has the metadata segment attached, with zenoh's `flock` on its file, until its process
//!    ends. The kernel lists the locks, not always completely, so a process counts as gone only if it has ended
//!    and several readings list no lock of it; and one that is listed later only has the question put anew, unless it
//!    has begun after T: then it never held the chunk.
//! 3. A live holder's confirmator knows the buffer since before its receiver found it valid. Each of its
//!    rounds that begins after T sets the bit, and nobody but us clears it. So a clear bit after a whole round
//!    of every attached process says that none of them holds the chunk. A stopped, frozen or starved process
//!    completes no round: the slot stays. A round is told by the thread's voluntary sleeps, see below; this process's
//!    own by a buffer that it holds for that (`own_rounds`).
//! 4. A DMA engine reads on behalf of a live process that holds the chunk until its event (`cuda::in_flight`).
//!
//! # Why nothing late does harm
//! A descriptor of the chunk may still wait unread in a socket whose link has gone. Whoever reads it later
//! finds the chunk invalid, hands out nothing, and then gives back the reference that came with it. Were the
//! header used for another buffer by then, that buffer would lose a reference it still needs. So the header is
//! not given back with the slot: it stays as a tombstone until every such reference has come back, or those
//! that were attached have gone and [`tombstone::AT_LEAST`] has passed. It costs 40 bytes of zenoh's metadata.
//! The count is raised before anything else, in one step, and only while it is not zero: whoever collects the
//! chunk either has seen zero before, and then there is nothing to claim, or will not see it until the slot's
//! number is out of the header. That is model-checked in `references`.
//!
//! # Who may write what
//! Through a mapping of our own of zenoh's metadata, and only while the slot's tables are locked and show the
//! same allocation: the watchdog bit of an invalidated chunk (cleared); count and chunk number of a claimed
//! header. The layout is zenoh's, internal, and bound to `~1.10`; `probe` finds out by experiment, once a
//! process, whether it is the one known here, and without that nothing is touched.
//!
//! Locks: one background thread does all of it (`thread`). It takes a pool's tables for a few reads and
//! writes at a time, and reads `/proc` without any lock.
//!
//! Knowingly weak:
//! - That [`rounds::WAKES`] sleeps contain a whole round is a matter of probability: a thread can sleep inside
//!   a round (a contended allocator), and a process that is stopped and continued several times within a few
//!   rounds gains sleeps without one. Sleeps beside page faults, and more of them than rounds fit into the time,
//!   are not counted. The bit has to stay clear through all of it.
//! - zenoh raises the count of a header that it is about to use before it clears `invalidated`, and describes the new
//!   chunk last. Where a thread of this process is held up between those two stores for the time of a whole proof
//!   (six rounds of 50 ms), while the sweep runs on, and that very header described the same slot in its former
//!   life and was invalidated then, the header is taken for the slot's own. Nothing that can be read tells the two
//!   apart: a header without an owner that describes the slot is common where allocations fail.
//! - Who may not look into a process (its program has capabilities of its own, or is another user's) believes the
//!   list of locks, so a pid that was given away to one that confirms is taken for its former owner.
//! - In a pid namespace of its own a producer does not see who shares its `/dev/shm` from outside. It then
//!   reclaims only if told that nobody does ([`ReclaimPolicy::ProvenInNamespace`]). Even then the kernel hides
//!   the lock of a consumer that has died and left a forked child with its memory, so consumers must not fork.
//! - A tombstone that is given back after its time, while a process that never attached anything still has
//!   the descriptor unread in a socket, is as exposed as every header of stock zenoh.
//! - zenoh's unsafe collection frees invalidated chunks without asking us and leaves headers that look held. So a
//!   backend that is used without [`crate::PinnedPool`] reclaims nothing unless asked to.
//! - A consumer that lives for long keeps the tombstones of all that died beside it, up to a bound.
//! - A process of the same user can write anything into zenoh's metadata. What does not fit is left alone.

mod attached;
mod chunk_header;
mod evidence;
mod headers;
mod own_rounds;
mod policy;
mod probe;
mod quarantine;
mod references;
mod rounds;
mod seen;
mod standstill;
mod suspicion;
mod sweep;
mod taking_over;
mod thread;
mod tombstone;
mod verdict;

use std::time::Duration;

pub use policy::ReclaimPolicy;
pub(crate) use probe::make_metadata;
pub(crate) use quarantine::Quarantine;
pub use quarantine::{QuarantineReason, Quarantined};
pub(crate) use seen::{HEADERS_BYTES, chunks_in, may_be_metadata};
pub(crate) use taking_over::{ForeignHeaders, Refused};
pub(crate) use thread::watch;
pub(crate) use tombstone::is_tombstone;

/// One allocation of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldSlot {
    /// zenoh's segment id.
    pub(crate) segment: u32,
    /// The slot's offset in its segment, in bytes: zenoh's chunk number.
    pub(crate) offset: u32,
    /// Counts the pool's allocations, so that a slot that is handed out again is another one.
    pub(crate) allocation: u64,
}

/// What reclaiming needs to know of a pool, and may do to it.
pub(crate) trait ReclaimableSlots: Send + Sync {
    /// The pool's name, for the log.
    fn name(&self) -> &str;

    fn policy(&self) -> ReclaimPolicy;

    /// Slots that have been out for longer than `age`.
    fn held_longer_than(&self, age: Duration) -> Vec<HeldSlot>;

    /// Whether any slot is out.
    fn any_held(&self) -> bool;

    /// Calls `decide` while the tables are locked, if they still show this allocation, and takes the slot
    /// back where it says so; returns whether it was.
    fn take_back_if(&self, slot: &HeldSlot, decide: &mut dyn FnMut() -> bool) -> bool;

    fn quarantine(&self) -> &Quarantine;
}
