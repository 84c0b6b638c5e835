//! zenoh publishers, subscribers and sessions with what they need: a pool, frames, and shared-memory clients.
//!
//! Holds: a publisher with its pool ([`PinnedPublisher`]), a subscriber with what has come for it ([`FrameSubscriber`]),
//! and the session for both ([`open`]). Either works with unmodified zenoh on the other side. Where both are of this
//! library and on one host, frames go past zenoh by a *line*, which wakes the subscriber once instead of four times
//! (`meeting`; the mechanism is provider's).
//!
//! Who may write what: zenoh's receive threads put frames into a queue, publishers put them into lanes of the subscriber's
//! inbox, and the caller takes them out of both (`receiving`).
//!
//! Locks: see `receiving` and `meeting`; nothing is dropped under any, and nobody waits for a peer.
//!
//! Invariants:
//! - What waits for a subscriber is never more than its capacity, of each line and of everything that zenoh brings,
//!   because a frame that waits keeps its producer's slot. The oldest frame makes room, and is counted.
//! - Each frame is handed out once, and those of one publisher in order, by whatever way they come.
//! - A forked child can drop what it has inherited, to no effect, and gets errors where it uses it.
//!
//! Knowingly weak: a queue whose capacity is not below the number of the producer's slots can stop that producer, while it
//! stands still as a subscriber of zenoh's; by a line it costs its capacity.

mod announcing;
mod any;
mod listener;
mod meeting;
mod process;
mod publisher;
mod received;
mod receiving;
mod subscriber;

use std::time::Duration;

use zenoh::{Config, Session, Wait};
use zenoh_pinned::Pinner;

use crate::opening;
pub use crate::opening::OpenError;
pub use any::{FrameStream, recv_any};
pub use listener::FrameListener;
pub use meeting::LineToSubscriber;
pub use publisher::{DeclareError, PinnedPublisher, PinnedPublisherBuilder, PutError};
pub use received::{ReceiveError, ReceivedFrame};
pub use receiving::LineFromPublisher;
pub use subscriber::{FrameSubscriber, FrameSubscriberBuilder};
pub use zenoh_pinned::bindings::line::{NoLine, Overflow};

/// How long [`open`] waits.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens a session whose received segments are registered by `pinner`, in the background. Keep `pinner` for
/// as long as frames arrive.
///
/// Waits for peers as long as the configuration says (`connect/timeout_ms`, `scouting/timeout`), but no longer than
/// [`OPEN_TIMEOUT`].
///
/// # Errors
/// [`OpenError`]; [`OpenError::Forked`] at once in a child of a process that has used zenoh.
///
/// ```no_run
/// use zenoh_pinned::Pinner;
/// use zenoh_pinned_node::pubsub;
///
/// let pinner = Pinner::builder().device(0).build();
/// let session = pubsub::open(zenoh::Config::default(), &pinner)?;
/// # Ok::<(), pubsub::OpenError>(())
/// ```
pub fn open(config: Config, pinner: &Pinner) -> Result<Session, OpenError> {
    open_within(config, pinner, OPEN_TIMEOUT)
}

/// As [`open`], but waits no longer than `timeout`. A session that opens later is closed again.
///
/// # Errors
/// As [`open`].
///
/// ```no_run
/// use std::time::Duration;
/// use zenoh_pinned::Pinner;
/// use zenoh_pinned_node::pubsub;
/// # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let mut config = zenoh::Config::default();
/// config.insert_json5("mode", r#""client""#)?;
/// config.insert_json5("connect/timeout_ms", "-1")?; // until there is a router
/// let session = pubsub::open_within(config, &Pinner::host_only(), Duration::from_secs(600))?;
/// # Ok(())
/// # }
/// ```
pub fn open_within(
    mut config: Config,
    pinner: &Pinner,
    timeout: Duration,
) -> Result<Session, OpenError> {
    if zenoh_pinned::bindings::zenoh_is_inherited() {
        return Err(OpenError::Forked);
    }
    zenoh_pinned::prepare_session(&mut config);
    let clients = zenoh_pinned::shm_clients(pinner);
    opening::wait_for(
        move || zenoh::open(config).with_shm_clients(clients).wait(),
        timeout,
    )
}
