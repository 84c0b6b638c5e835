//! zenoh publishers and subscribers that make the pool, the client set and the frames in one step each.
//!
//! Holds: a publisher with its pool ([`PinnedPublisher`]), a subscriber with a queue of frames
//! ([`FrameSubscriber`]), and the session that both want ([`open`]). Either works with unmodified zenoh on
//! the other side.
//!
//! Who may write what: zenoh's receive threads put frames into the queue, the caller takes them out.
//!
//! Locks: one mutex around the queue, held for one push or pop; nothing is dropped under it.
//!
//! Invariants: a queue never holds more than its capacity. The oldest frame makes room and is counted,
//! because a frame that waits keeps its producer's slot. A forked child can drop what it has inherited, which
//! does nothing, and gets errors where it uses it.

mod process;
mod publisher;
mod queue;
mod subscriber;

use zenoh::{Config, Session, Wait};
use zenoh_pinned::Pinner;

pub use publisher::{PinnedPublisher, PinnedPublisherBuilder, PublishError, PublisherError};
pub use subscriber::{FrameSubscriber, FrameSubscriberBuilder, ReceiveError, ReceivedFrame};

/// Opens a session whose received segments are registered by `pinner`, in the background. Keep `pinner` for
/// as long as frames arrive.
///
/// # Errors
/// zenoh's own.
pub fn open(mut config: Config, pinner: &Pinner) -> zenoh::Result<Session> {
    zenoh_pinned::prepare_session(&mut config);
    let clients = zenoh_pinned::shm_clients(pinner);
    zenoh::open(config).with_shm_clients(clients).wait()
}
