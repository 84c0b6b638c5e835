//! The line: a descriptor's way from a publisher to a subscriber of the same host, past zenoh's sockets.
//!
//! A zenoh put wakes four threads one after the other before a subscriber has the frame. What has to be handed over is
//! 16 bytes: zenoh's own descriptor of the buffer. Here it goes through a ring in shared memory, and one futex wakes the
//! reader.
//!
//! Holds: a subscriber's [`Inbox`], a file of its own with a lane for each publisher and one bell; a publisher's [`Line`]
//! into one lane, with the payloads that it keeps for the reader; where an inbox is ([`InboxAddress`]); and why there is
//! no line ([`NoLine`]). Who meets whom, and the order between a line and zenoh, is for whoever uses this.
//!
//! # An entry's way
//! 1. The publisher keeps a clone of the payload, that is, a reference that its own process confirms, and writes zenoh's
//!    descriptor of it into the next entry (`entry`), then the position (`ring`), then rings (`bell`).
//! 2. The reader copies the entry, claims it by compare-and-swap, takes a reference of its own (`descriptor`,
//!    `reclaim::taking_over`), has zenoh confirm it, and only then says that it is done.
//! 3. The publisher sees that and drops its clone: when it publishes again, when somebody waits for a slot, or soon
//!    (`pool::kept`).
//!
//! A few hundred bytes of ordinary memory are copied into the entry instead.
//!
//! So an unread entry is held by the publisher alone, and what `reclaim` argues holds: whoever holds a chunk confirms it,
//! and a receiver that takes it over has confirmed it before the sender lets go. A chunk that is invalidated is not taken
//! over.
//!
//! # What is left when somebody goes
//! | who | unread entries | the entry that is being read |
//! |---|---|---|
//! | the reader ends, however | given back by the publisher at once: the kernel tells it (`os::peers`) | the publisher's reference as well; one that the reader had taken is reclaimed as any dead consumer's |
//! | the reader stands still | at most the capacity, for as long as it does; the oldest make room | stays until it goes on |
//! | the reader closes its inbox | given back when the publisher looks | finished |
//! | the publisher closes the line | kept until they are read | finished |
//! | the publisher's process exits | kept for as long as its pools linger | finished |
//! | the publisher is killed | can be read while its memory is mapped, else [`crate::FrameError`] | as unread ones |
//!
//! # Who may write what
//! In the head: the reader, once; the bell's words, anybody. In a lane: its publisher, `written`, the entries and the
//! description; its reader, `taken`; `claimed` and the state both, by compare-and-swap. `layout` has it all.
//!
//! Locks: a lane's reader state is locked while one entry is taken; a line's payloads for some list operations. Neither
//! while a payload is dropped, or anybody sleeps without a deadline.
//!
//! Invariants:
//! - Each frame that is written is read once or overwritten, in order, and whole (`ring` is model-checked).
//! - A reader that stands still costs its publishers' pools no more than its capacity and what it holds.
//! - Nothing that is read from an inbox is used unchecked: positions, lengths, indices, names. What cannot be ends the
//!   lane and nothing else.
//!
//! Knowingly weak:
//! - A process of the same user can write anything: it can lose frames, have a line closed, and wake a reader in vain. An
//!   inbox's file that is cut while it is in use raises SIGBUS at its next use, as a segment does (`segment`).
//! - A chunk's header whose length has been overwritten with zero after it was checked is zenoh's undefined behaviour.
//! - A lane that its publisher died in while describing itself is given back only when no other is left.
//! - A reader that replaces its program by exec keeps its pid and start time: its line ends only when the process does.
//! - zenoh keeps the metadata of each producer attached for good, under a number of 16 bits, as for its own messages.

mod address;
mod bell;
mod described;
mod descriptor;
mod entry;
#[cfg(feature = "internals")]
mod foreign;
mod inbox;
mod layout;
mod publishing;
mod reason;
mod ring;
mod seen;

pub use address::{InboxAddress, PROTOCOL};
pub use bell::Bell;
pub use described::DescriptorReader;
pub use entry::{Descriptor, MAX_ATTACHMENT_BYTES, Stamp};
#[cfg(feature = "internals")]
pub use foreign::{Answers, ForeignWords, address_again};
pub use inbox::{Delivery, Inbox, LaneOwner, LaneState, sleep_unless};
pub use publishing::{Line, Outgoing};
pub use reason::NoLine;
pub(crate) use seen::{SEEN_BYTES, Seen, SeenLane};

/// What happens to a frame for which a subscriber has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest unread frame makes room, and is counted at both ends.
    #[default]
    DropOldest = 0,
    /// The publisher waits, as long as it waits for a slot, and then fails: nothing is lost.
    Refuse = 1,
}
