//! Pinned outputs for dora nodes, without a change to dora, its daemon or the nodes on the other side.
//!
//! Holds: the second zenoh session of a node's process (`session`), which publishes on the node's own
//! topics out of a pool of this library; the second connection to the daemon (`daemon`), because input
//! deadlines live there; and for each output its pools (`pools`) and the proof that its consumers receive
//! (`route`, `answers`).
//!
//! Who may write what: any thread of the node that sends; zenoh's threads only record answers.
//!
//! Locks: one mutex around the state of a node's outputs, held while a path is settled or a pool is made and while a
//! message is published, never while a message waits for a slot or is copied; inside it, one around an output's
//! answers.
//!
//! Invariants:
//! - An output keeps one path for its life: messages of two paths would overtake each other.
//! - The pinned path is taken only where every consumer that dora itself waits for answers over it, and where
//!   a marker in the pool has come back from all receivers (`route`). Otherwise an output that is not settled yet
//!   takes dora's own path, with a [`DoraPathReason`]; one that is settled sends messages as bytes, in the same
//!   order, whose pool a consumer cannot attach.
//! - Small messages go as bytes on the same publisher; so do all for which no pool is needed.
//! - What goes by way of the daemon because a consumer cannot attach shared memory never touches dora's own
//!   shared memory either, which that consumer could not attach just as well.
//! - What was sent in slots has been read, and what was sent as bytes has arrived, before the session closes, and
//!   that closes before the node does: dora's "input closed" does not overtake it (`route::flush`, with what it
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
//! - Publishing blocks while zenoh's buffers for a consumer are full, for five seconds at most
//!   (`wait_before_close`, which is not bounded by the patience of [`Settings`]); then zenoh closes that
//!   link. Descriptors of a few hundred bytes do not fill them, as the pool runs out of slots first. Large
//!   parameters, hundreds of slots of small messages, or a consumer that dora does not name and that has no
//!   shared memory (it is sent copies) can.
//! - A node that ends by `process::exit` or a signal drops nothing, so its last messages may be lost.
//! - One slot's memory stays for every pool that a consumer could not attach, because the marker's reference never
//!   comes back.
//! - While an output's path is settled, or a pool is made, which takes up to the patience of [`Settings`] where a
//!   consumer does not answer, other threads of the node wait too.
//! - A daemon or consumer of another minor version of dora is told only by what it refuses or how it answers:
//!   nothing in what the daemon gives a node names its version.
//!
//! Specified by dora 1.1: `dora-message` (requests, metadata), `dora-core` (topics), and the handshake and
//! send path of `dora-node-api`, which this repeats where dora has no public seam.

pub(crate) mod acknowledgement;
mod answers;
mod consumers;
mod daemon;
mod description;
mod detached;
mod element;
pub(crate) mod environment;
mod error;
mod frame;
pub(crate) mod framing;
mod link;
mod output;
mod outputs;
mod pinned;
mod pools;
mod reason;
mod refusals;
mod report;
mod route;
mod schema_once;
mod sending;
mod session;
mod settings;
mod settling;
mod sizing;
mod slot;
mod telemetry;
mod type_check;
mod waiting;

pub use daemon::DaemonError;
pub use detached::{DetachedOutputs, Offered};
pub use dora_message::daemon_to_node::RequiredAcker;
pub use element::ElementType;
pub use error::SendError;
pub use frame::{FromArrow, FromArrowError};
pub use outputs::PinnedOutputs;
pub use pinned::{Pinned, PinnedOptions};
pub use reason::DoraPathReason;
pub use report::{Delivery, OutputPath, OutputReport, Report};
pub use settings::Settings;
pub use slot::{OutputSlot, SealedSlot, SentMemory, describe_shape};
pub use type_check::TypeMismatch;

pub use crate::arrow_stream::EncodeError;
