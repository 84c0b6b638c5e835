//! What a publisher is to have, before it is declared.

use std::time::Duration;

use zenoh::{Session, qos::CongestionControl};
use zenoh_pinned::{PinnedPool, PinnedPoolBuilder};

use super::{DeclareError, PinnedPublisher};

/// Sizes of a [`PinnedPublisher`]'s pool.
///
/// ```
/// # let mut config = zenoh::Config::default();
/// # config.insert_json5("scouting/multicast/enabled", "false")?;
/// # let pinner = zenoh_pinned::Pinner::host_only();
/// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
/// use std::time::Duration;
/// use zenoh_pinned_node::pubsub::PinnedPublisher;
///
/// let lidar = PinnedPublisher::builder(1 << 20)
///     .slots(4)
///     .max_bytes(16 << 20)
///     .wait(Duration::from_millis(100))
///     .declare(&session, "lidar/points")?;
/// assert_eq!(lidar.statistics().slots, 4);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug)]
pub struct PinnedPublisherBuilder {
    pool: PinnedPoolBuilder,
    terms: Terms,
}
/// How a publisher meets its subscribers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) line: bool,
    pub(super) alone: bool,
    pub(super) wait: Duration,
    pub(super) congestion: CongestionControl,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            line: true,
            alone: false,
            wait: Duration::from_secs(1),
            congestion: CongestionControl::Drop,
        }
    }
}

impl PinnedPublisherBuilder {
    pub(super) fn of_frames(frame_bytes: usize) -> Self {
        Self {
            pool: PinnedPool::builder().slot_bytes(frame_bytes),
            terms: Terms::default(),
        }
    }

    /// How many slots, 8 by default.
    pub fn slots(mut self, slots: u32) -> Self {
        self.pool = self.pool.slots(slots);
        self
    }

    /// The most bytes of shared memory that the pool may have.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.pool = self.pool.max_bytes(bytes);
        self
    }

    /// How long an allocation waits, one second by default; as long a put waits for a subscriber that refuses to lose
    /// frames ([`Overflow::Refuse`](crate::pubsub::Overflow::Refuse)).
    pub fn wait(mut self, wait: Duration) -> Self {
        self.pool = self.pool.wait(wait);
        self.terms.wait = wait;
        self
    }

    /// Says that nobody else publishes on this key, on any machine, as is so for most sensors: then subscribers of ours
    /// need no zenoh subscription, and without other subscribers a put is one wake-up in all.
    ///
    /// What somebody else publishes there all the same is missed by subscribers of ours, unless it is by a publisher of
    /// this library on the same host. Frames have to be slots, and attachments at most 456 bytes, or a put is
    /// [`PutError::NotOnTheLine`](super::PutError::NotOnTheLine). On a key with wildcards it has no effect.
    pub fn alone(mut self) -> Self {
        self.terms.alone = true;
        self
    }

    /// What zenoh does with a frame for a subscriber that has no line, while its link is full, as a network is with large
    /// frames: it drops it, or, with [`CongestionControl::Block`], the put waits.
    pub fn congestion(mut self, control: CongestionControl) -> Self {
        self.terms.congestion = control;
        self
    }

    /// Whether subscribers of ours on this host may be handed frames directly, true by default. The environment variable
    /// `ZENOH_PINNED_LINE=off` says no for all.
    pub fn line(mut self, line: bool) -> Self {
        self.terms.line = line;
        self
    }

    /// Makes the pool and declares the publisher, with zenoh's default quality of service but for what was said of congestion.
    ///
    /// # Errors
    /// [`DeclareError`].
    pub fn declare(self, session: &Session, key: &str) -> Result<PinnedPublisher, DeclareError> {
        let pool = self.pool.name(
            key.chars()
                .take(48)
                .filter(char::is_ascii)
                .collect::<String>(),
        );
        PinnedPublisher::declared(session, key, pool.build()?, self.terms)
    }

    /// As [`declare`](Self::declare), with slots of a pool that the application has made; what was said of sizes here is
    /// not used.
    ///
    /// # Errors
    /// [`DeclareError::Zenoh`].
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// use zenoh_pinned::PinnedPool;
    /// use zenoh_pinned_node::pubsub::PinnedPublisher;
    ///
    /// let pool = PinnedPool::builder().slots(4).slot_bytes(4096).build()?;
    /// let left = PinnedPublisher::builder(4096).alone();
    /// let left = left.declare_with_pool(&session, "camera/left", pool)?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn declare_with_pool(
        self,
        session: &Session,
        key: &str,
        pool: PinnedPool,
    ) -> Result<PinnedPublisher, DeclareError> {
        PinnedPublisher::declared(session, key, pool, self.terms)
    }
}
