//! A publisher and its pool.

mod builder;
mod declared;
mod error;

use std::time::Duration;

use zenoh::{Session, Wait, bytes::ZBytes, sample::SourceInfo};
use zenoh_pinned::{
    AllocError, PinnedPool, PoolStatistics, Slot, StillHeld,
    bindings::trace::{self, TraceContext},
};

pub use builder::PinnedPublisherBuilder;
use builder::Terms;
use declared::{Declared, declare};
pub use error::{DeclareError, PutError};

use super::{
    LineToSubscriber,
    meeting::{Handed, NotHanded, source_of},
    process::OfThisProcess,
    receiving::stamp,
};

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
    declared: OfThisProcess<Declared>,
    pool: PinnedPool,
    wait: Duration,
}
impl PinnedPublisher {
    /// A publisher of frames of up to `frame_bytes` bytes, with 8 slots.
    pub fn builder(frame_bytes: usize) -> PinnedPublisherBuilder {
        PinnedPublisherBuilder::of_frames(frame_bytes)
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
        Self::declared(session, key, pool, Terms::default())
    }

    fn declared(
        session: &Session,
        key: &str,
        pool: PinnedPool,
        terms: Terms,
    ) -> Result<Self, DeclareError> {
        let declared = declare(session, key, &pool, terms).map_err(DeclareError::Zenoh)?;
        Ok(Self {
            declared: OfThisProcess::new(declared),
            pool,
            wait: terms.wait,
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
        self.put_own(slot.into_shm(), None, false, self.wait)
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
        self.put_own(slot.into_shm(), Some(attachment.into()), false, self.wait)
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
        self.put_payload_within(payload, attachment, self.wait)
    }

    /// As [`PinnedPublisher::put_payload`], but waits up to `wait` for subscribers that refuse to lose frames: for
    /// bindings, whose callers say so with each frame.
    #[doc(hidden)]
    pub fn put_payload_within(
        &self,
        payload: ZBytes,
        attachment: Option<ZBytes>,
        wait: Duration,
    ) -> Result<(), PutError> {
        let is_foreign = !self.pool.owns(&payload);
        self.put_own(payload, attachment, is_foreign, wait)
    }

    fn put_own(
        &self,
        payload: ZBytes,
        attachment: Option<ZBytes>,
        is_foreign: bool,
        wait: Duration,
    ) -> Result<(), PutError> {
        let Declared {
            lines,
            publisher,
            session,
            stamps,
            ..
        } = self.declared.get().ok_or(PutError::Forked)?;
        let began = trace::begin();
        let bytes = payload.len();
        let timestamp = stamps.then(|| session.new_timestamp());
        let handed = lines.hand_over(
            &payload,
            attachment.as_ref(),
            timestamp.as_ref().map(stamp),
            is_foreign,
            wait,
        );
        let Handed { number, needs_put } = handed.map_err(|not| match not {
            NotHanded::Full { pid } => PutError::Full { pid, waited: wait },
            NotHanded::Interrupted => PutError::Interrupted,
            NotHanded::OnlyByZenoh(reason) => PutError::NotOnTheLine(reason),
        })?;
        // zenoh's numbers have 32 bits; subscribers know the rest.
        let number = number as u32;
        if needs_put {
            let source = SourceInfo::new(publisher.id(), number);
            let put = publisher.put(payload).attachment(attachment);
            let put = put.timestamp(timestamp).source_info(source);
            put.wait().map_err(PutError::Zenoh)?;
        }
        if let Some(began) = began {
            let (session, entity) = source_of(&publisher.id());
            let own = TraceContext::of_frame(session, entity, number);
            trace::tell_put(began, own, publisher.key_expr(), bytes);
        }
        Ok(())
    }

    /// What stands between this publisher and each subscriber of ours: a line, or the reason why there is none. Others,
    /// which have zenoh's puts, are not in it.
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// # let camera = zenoh_pinned_node::pubsub::PinnedPublisher::builder(640).declare(&session, "camera")?;
    /// for subscriber in camera.lines() {
    ///     match subscriber.reason {
    ///         None => println!("{:?} by a line, {} unread", subscriber.pid, subscriber.unread),
    ///         Some(reason) => println!("{:?} by zenoh: {reason}", subscriber.pid),
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn lines(&self) -> Vec<LineToSubscriber> {
        let declared = self.declared.get();
        declared.map_or_else(Vec::new, |declared| declared.lines.list())
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
