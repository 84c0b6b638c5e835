//! A publisher and its pool.

use std::{sync::Arc, time::Duration};

use zenoh::{
    Session, Wait,
    bytes::ZBytes,
    key_expr::KeyExpr,
    liveliness::LivelinessToken,
    pubsub::{Publisher, Subscriber},
    sample::{SampleKind, SourceInfo},
};
use zenoh_pinned::{
    AllocError, PinnedPool, PinnedPoolBuilder, PoolError, PoolStatistics, Slot, StillHeld,
    bindings::{
        line::NoLine,
        trace::{self, TraceContext},
    },
};

use super::{
    LineToSubscriber,
    meeting::{self, AloneToken, Handed, InboxToken, Lines, NotHanded, source_of},
    process::OfThisProcess,
    receiving::stamp,
};

/// How long a new publisher waits at most to learn of the subscribers that are there.
const MEETING_PATIENCE: Duration = Duration::from_millis(200);

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
#[non_exhaustive]
pub enum PutError {
    /// zenoh's own: the session is closed.
    #[error("zenoh did not take the frame: {0}")]
    Zenoh(zenoh::Error),
    /// A subscriber that refuses to lose frames has had no room for as long as an allocation waits. Nobody got the frame.
    #[error(
        "process {pid} has had no room for the frame for {waited:?}: it reads too slowly (Overflow::Refuse); put the \
         frame again, or wait longer (PinnedPublisherBuilder::wait)"
    )]
    Full {
        /// The subscriber's process.
        pid: u32,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The wait for such a subscriber was ended from outside; see [`zenoh_pinned::bindings::interruptible`]. Nobody got
    /// the frame.
    #[error("publishing was interrupted")]
    Interrupted,
    /// The publisher says that it is alone on its key, so its subscribers listen to nothing but lines, and this frame
    /// cannot go by one.
    #[error("the frame cannot go by a line, and this publisher has no other way (alone()): {0}")]
    NotOnTheLine(NoLine),
    /// This process was forked from the one that declared the publisher.
    #[error(
        "this process was forked from the one that declared the publisher: open a session in a process that was started with exec"
    )]
    Forked,
}

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

/// What a session has of a publisher. The lines go first, so that nothing is missed in between.
#[derive(Debug)]
struct Declared {
    lines: Arc<Lines>,
    publisher: Publisher<'static>,
    session: Session,
    stamps: bool,
    _tokens: Option<Subscriber<()>>,
    _alone: Option<LivelinessToken>,
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
    terms: Terms,
}

/// How a publisher meets its subscribers.
#[derive(Clone, Copy, Debug)]
struct Terms {
    line: bool,
    alone: bool,
    wait: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            line: true,
            alone: false,
            wait: Duration::from_secs(1),
        }
    }
}

impl PinnedPublisher {
    /// A publisher of frames of up to `frame_bytes` bytes, with 8 slots.
    pub fn builder(frame_bytes: usize) -> PinnedPublisherBuilder {
        PinnedPublisherBuilder {
            pool: PinnedPool::builder().slot_bytes(frame_bytes),
            terms: Terms::default(),
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

    /// How long an allocation waits, one second by default; as long a put waits for a subscriber that refuses to lose
    /// frames ([`Overflow::Refuse`](super::Overflow::Refuse)).
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
    /// [`PutError::NotOnTheLine`]. On a key with wildcards it has no effect.
    pub fn alone(mut self) -> Self {
        self.terms.alone = true;
        self
    }

    /// Whether subscribers of ours on this host may be handed frames directly, true by default. The environment variable
    /// `ZENOH_PINNED_LINE=off` says no for all.
    pub fn line(mut self, line: bool) -> Self {
        self.terms.line = line;
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

fn declare(
    session: &Session,
    key: &str,
    pool: &PinnedPool,
    terms: Terms,
) -> zenoh::Result<Declared> {
    let publisher = session.declare_publisher(key.to_owned()).wait()?;
    let source = source_of(&publisher.id());
    let off = match (terms.line && meeting::is_wanted(), pool.reason()) {
        (false, _) => Some(NoLine::SwitchedOff),
        (true, Some(reason)) => Some(NoLine::NoSharedMemory(reason.clone())),
        (true, None) => None,
    };
    let has_lines = off.is_none();
    let alone = terms.alone && !KeyExpr::new(key)?.is_wild();
    let lines = Arc::new(Lines::new(
        publisher.key_expr().clone().into(),
        source,
        alone,
        off,
    ));
    let mut declared = Declared {
        lines: lines.clone(),
        session: session.clone(),
        stamps: stamps(session),
        publisher,
        _tokens: None,
        _alone: None,
    };
    if !has_lines {
        return Ok(declared);
    }
    if lines.is_alone() {
        // zenoh calls back at once where somebody matches.
        lines.set_matched(false);
        let matched = lines.clone();
        let listener = declared.publisher.matching_listener();
        listener
            .callback(move |status| matched.set_matched(status.matching()))
            .background()
            .wait()?;
        let token = AloneToken::key(source, declared.publisher.key_expr());
        declared._alone = Some(session.liveliness().declare_token(token).wait()?);
    }
    let appearing = Arc::downgrade(&lines);
    let tokens = session
        .liveliness()
        .declare_subscriber(InboxToken::ALL)
        .history(true)
        .callback(move |sample| {
            if let Some(lines) = appearing.upgrade() {
                match sample.kind() {
                    SampleKind::Put => lines.appeared(sample.key_expr()),
                    SampleKind::Delete => lines.disappeared(sample.key_expr()),
                }
            }
        })
        .wait()?;
    declared._tokens = Some(tokens);
    // So that the first frame finds those that are there. Opening a line twice is no matter.
    let known = session.liveliness().get(InboxToken::ALL);
    let known = known.timeout(MEETING_PATIENCE).wait()?;
    while let Ok(reply) = known.recv() {
        if let Ok(sample) = reply.result() {
            lines.appeared(sample.key_expr());
        }
    }
    Ok(declared)
}

/// Whether zenoh stamps what this session puts.
fn stamps(session: &Session) -> bool {
    let config = session.config();
    let mode = config.get("mode").unwrap_or_default();
    let mode = mode.trim_matches('"');
    let enabled = config.get("timestamping/enabled").unwrap_or_default();
    enabled == "true" || enabled.contains(&format!(r#""{mode}":true"#))
}
