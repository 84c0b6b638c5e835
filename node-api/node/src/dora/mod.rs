//! Pinned outputs for dora nodes, without a change to dora, its daemon or the nodes on the other side.
//!
//! Holds: what a node calls (the files of this folder); the outputs behind it and what they wait for (`detached`); each
//! output's slots (`pools`). The rest is there because dora has no public seam for it, and in a folder for each seam of
//! RFC 0001 that would remove it: the second zenoh session, which publishes on the node's own topics, and the second
//! connection to the daemon, because input deadlines live there (`link`); what dora's own sending does to a message
//! (`message`) and with it (`sending`); the proof that an output's consumers receive (`route`).
//!
//! Who may write what: any thread of the node that sends; zenoh's threads only count answers.
//!
//! Locks: one mutex around the state of a node's outputs, held while a path is settled or a pool is made and while a
//! message is published, never while a message waits for a slot or is copied; inside it, one around an output's
//! answers.
//!
//! Invariants:
//! - An output keeps one path for its life: messages of two paths would overtake each other.
//! - The pinned path is taken only where every consumer that dora itself waits for answers over it, and where
//!   a marker in the pool has come back from all receivers (`route`). Otherwise an output that is not settled yet
//!   takes dora's own path, with a [`DoraPathReason`]. An output that is settled already sends as bytes, in order, what
//!   needs a pool that a consumer cannot attach.
//! - Small messages go as bytes on the same publisher.
//! - A message that goes by way of the daemon because a consumer cannot attach shared memory does not touch dora's own
//!   shared memory: that consumer could not attach that either.
//! - Before the session closes, what was sent in slots has been read, and what was sent as bytes has arrived. The
//!   session closes before the node does, so that dora's "input closed" overtakes nothing (`route::flush`, with what it
//!   cannot know). The wait is bounded ([`Settings::close_patience`]).
//! - A full pool drops messages, counted, or holds the producer back, as was asked for; it never diverts a message to
//!   another path. An output's slots are its own: slow consumers of one output take none from another.
//!
//! Knowingly weak:
//! - A consumer that joins after an output is settled (a dynamic node, a restart with smaller limits) and
//!   cannot attach the pool loses messages without a word, as it would with dora's own pool.
//! - The settled link is not watched. A consumer that stands still for longer than zenoh's lease (10 s) is
//!   disconnected by zenoh; until it is linked again its messages are lost, counted as sent and reported to
//!   the daemon, and slots that were on their way to it stay taken.
//! - Publishing blocks while zenoh's buffers for a consumer are full. After five seconds zenoh closes that link
//!   (`wait_before_close`, which the patience of [`Settings`] does not bound). Descriptors of a few hundred bytes do not
//!   fill the buffers, as the pool runs out of slots first. Large parameters can, and hundreds of slots of small
//!   messages, and a consumer that dora does not name and that has no shared memory: it is sent copies.
//! - A node that ends by `process::exit` or a signal drops nothing, so its last messages may be lost.
//! - One slot's memory stays for every pool that a consumer could not attach, because the marker's reference never
//!   comes back.
//! - While an output's path is settled, or a pool is made, other threads of the node wait too: for up to the patience of
//!   [`Settings`] where a consumer does not answer.
//! - A daemon or consumer of another minor version of dora shows only in what it refuses or how it answers: nothing that
//!   the daemon gives a node names its version.
//!
//! Specified by dora 1.1: `dora-message` (requests, metadata), `dora-core` (topics), and the handshake and
//! send path of `dora-node-api`, which this repeats where dora has no public seam.

pub(crate) mod detached;
mod error;
mod frame;
pub(crate) mod link;
mod message;
mod outputs;
mod pinned;
mod pools;
mod reason;
mod report;
pub(crate) mod route;
mod sending;
mod settings;
pub(crate) mod slot;

pub use dora_message::daemon_to_node::RequiredAcker;
pub use error::SendError;
pub use frame::{FromArrow, FromArrowError};
pub use link::daemon::DaemonError;
pub use message::type_check::TypeMismatch;
pub use outputs::PinnedOutputs;
pub use pinned::{Pinned, PinnedOptions};
pub use reason::DoraPathReason;
pub use report::{Delivery, OutputPath, OutputReport, Report};
pub use settings::Settings;
pub use slot::OutputSlot;

pub use crate::{arrow_stream::EncodeError, tensor::ElementType};
