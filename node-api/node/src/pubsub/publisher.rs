//! A publisher and its pool.

use std::time::Duration;

use zenoh::{Session, Wait, bytes::ZBytes, pubsub::Publisher};
use zenoh_pinned::{
    AllocError, PinnedPool, PinnedPoolBuilder, PoolError, PoolStatistics, Slot, StillHeld,
};

use super::process::OfThisProcess;

/// Why no publisher was declared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeclareError {
    /// The pool could not be made.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// zenoh refused the key expression, or the session is closed.
    #[error("the publisher could not be declared: {0}")]
    Zenoh(zenoh::Error),
}

/// Why a frame was not published; its slot is back in the pool.
#[derive(Debug, thiserror::Error)]
#[error("zenoh did not take the frame: {0}")]
pub struct PutError(zenoh::Error);

const FORKED: &str = "this process was forked from the one that declared the publisher: open a session in a \
                      process that was started with exec";

/// Publishes frames that are written in place, in slots of a pool of its own. Usable from any thread.
///
/// ```
/// use zenoh_pinned::Pinner;
/// use zenoh_pinned_node::pubsub::{self, FrameSubscriber, PinnedPublisher};
///
/// let pinner = Pinner::builder().device(0).build();
/// let mut config = zenoh::Config::default();
/// # config.insert_json5("scouting/multicast/enabled", "false")?;
/// let session = pubsub::open(config, &pinner)?;
/// let frames = FrameSubscriber::builder(&pinner).declare(&session, "camera/image")?;
///
/// let camera = PinnedPublisher::builder(1920 * 1080 * 4).declare(&session, "camera/image")?;
/// let mut slot = camera.alloc(1920 * 1080 * 4)?;
/// slot.fill(0); // or let the camera write here
/// camera.put(slot)?;
///
/// let received = frames.recv()?;
/// println!("{} bytes, {}", received.frame.len(), received.frame.path());
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug)]
pub struct PinnedPublisher {
    publisher: OfThisProcess<Publisher<'static>>,
    pool: PinnedPool,
}

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
}

impl PinnedPublisher {
    /// A publisher of frames of up to `frame_bytes` bytes, with 8 slots.
    pub fn builder(frame_bytes: usize) -> PinnedPublisherBuilder {
        PinnedPublisherBuilder {
            pool: PinnedPool::builder().slot_bytes(frame_bytes),
        }
    }

    /// A publisher of slots of a pool that the application has made.
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
    /// let pool = PinnedPool::builder().slots(2).slot_bytes(4096).build()?;
    /// let left = PinnedPublisher::with_pool(&session, "camera/left", pool.clone())?;
    /// let right = PinnedPublisher::with_pool(&session, "camera/right", pool)?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn with_pool(session: &Session, key: &str, pool: PinnedPool) -> Result<Self, DeclareError> {
        let publisher = session.declare_publisher(key.to_owned()).wait();
        let publisher = publisher.map_err(DeclareError::Zenoh)?;
        Ok(Self {
            publisher: OfThisProcess::new(publisher),
            pool,
        })
    }

    /// A slot of `bytes` bytes; waits up to a second, or as the builder says, while consumers hold all.
    ///
    /// # Errors
    /// As [`PinnedPool::alloc`].
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// let camera = zenoh_pinned_node::pubsub::PinnedPublisher::builder(640 * 480)
    ///     .declare(&session, "camera/image")?;
    /// let mut slot = camera.alloc(640 * 480)?;
    /// slot.fill(255);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn alloc(&self, bytes: usize) -> Result<Slot, AllocError> {
        self.pool.alloc(bytes)
    }

    /// Publishes a slot.
    ///
    /// # Errors
    /// [`PutError`]: zenoh did not take it.
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// # let camera = zenoh_pinned_node::pubsub::PinnedPublisher::builder(640).declare(&session, "camera")?;
    /// camera.put(camera.alloc(640)?)?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn put(&self, slot: Slot) -> Result<(), PutError> {
        self.put_payload(slot.into_shm(), None)
    }

    /// Publishes a slot together with a few bytes beside it, for instance a time or a number.
    ///
    /// # Errors
    /// [`PutError`]: zenoh did not take it.
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// # let camera = zenoh_pinned_node::pubsub::PinnedPublisher::builder(640).declare(&session, "camera")?;
    /// let number = 7u64;
    /// camera.put_with(camera.alloc(640)?, number.to_le_bytes().to_vec())?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn put_with(&self, slot: Slot, attachment: impl Into<ZBytes>) -> Result<(), PutError> {
        self.put_payload(slot.into_shm(), Some(attachment.into()))
    }

    /// Publishes a payload, usually [`Slot::into_shm`] of one of this pool's, of which the caller keeps a
    /// clone so that the slot is not used again yet.
    ///
    /// # Errors
    /// [`PutError`]: zenoh did not take it.
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// # let camera = zenoh_pinned_node::pubsub::PinnedPublisher::builder(640).declare(&session, "camera")?;
    /// let image = camera.alloc(640)?.into_shm();
    /// camera.put_payload(image.clone(), None)?; // `image` can still be read
    /// assert_eq!(image.len(), 640);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn put_payload(&self, payload: ZBytes, attachment: Option<ZBytes>) -> Result<(), PutError> {
        let publisher = self.publisher.get().ok_or(PutError(FORKED.into()))?;
        let put = publisher.put(payload).attachment(attachment);
        put.wait().map_err(PutError)
    }

    /// The pool, for instance to register it for copies from a device.
    pub fn pool(&self) -> &PinnedPool {
        &self.pool
    }

    /// Counters and sizes of the pool.
    pub fn statistics(&self) -> PoolStatistics {
        self.pool.statistics()
    }

    /// Waits until no consumer holds a frame any more: before the session closes, so that the last ones
    /// arrive.
    ///
    /// # Errors
    /// [`StillHeld`] when `patience` has passed.
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// # let camera = zenoh_pinned_node::pubsub::PinnedPublisher::builder(640).declare(&session, "camera")?;
    /// camera.put(camera.alloc(640)?)?;
    /// camera.drain(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn drain(&self, patience: Duration) -> Result<(), StillHeld> {
        self.pool.drain(patience)
    }
}

impl PinnedPublisherBuilder {
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

    /// How long an allocation waits, one second by default.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.pool = self.pool.wait(wait);
        self
    }

    /// Makes the pool and declares the publisher, with zenoh's default quality of service.
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
        PinnedPublisher::with_pool(session, key, pool.build()?)
    }
}
