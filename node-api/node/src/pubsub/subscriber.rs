//! A subscriber and the frames that it has received.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use zenoh::{
    Session, Wait, bytes::ZBytes, key_expr::KeyExpr, pubsub::Subscriber, sample::Sample,
    time::Timestamp,
};
use zenoh_pinned::{Frame, FrameError, Pinner};

use super::{
    process::OfThisProcess,
    queue::{Queue, Taken},
};

/// A frame and what came with it.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReceivedFrame {
    /// The bytes. They keep their producer's slot.
    pub frame: Frame,
    /// Where it was published.
    pub key: KeyExpr<'static>,
    /// What was published beside it.
    pub attachment: Option<ZBytes>,
    /// The publisher's time, where its session stamps.
    pub timestamp: Option<Timestamp>,
}

/// Why no frame was received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// A payload is not what it claims to be; the next one can be received.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// None came in time.
    #[error("no frame within {0:?}")]
    TimedOut(Duration),
    /// The session was closed, and what had been received was taken.
    #[error("the session is closed")]
    Closed,
    /// This process was forked from the one that declared the subscriber.
    #[error(
        "this process was forked from the one that declared the subscriber: open a session in a process that was started with exec"
    )]
    Forked,
}

type Item = Result<ReceivedFrame, FrameError>;

/// Receives frames into a queue. Usable from any thread.
///
/// ```no_run
/// use zenoh_pinned::Pinner;
/// use zenoh_pinned_node::pubsub::{self, FrameSubscriber};
///
/// let pinner = Pinner::builder().device(0).build();
/// let session = pubsub::open(zenoh::Config::default(), &pinner)?;
/// let frames = FrameSubscriber::builder(&pinner).declare(&session, "camera/image")?;
/// while let Ok(received) = frames.recv() {
///     println!("{}: {} bytes", received.key, received.frame.len());
/// }
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug)]
pub struct FrameSubscriber {
    queue: Arc<Queue<Item>>,
    subscriber: OfThisProcess<Subscriber<()>>,
}

/// How a [`FrameSubscriber`] receives.
///
/// ```
/// # let mut config = zenoh::Config::default();
/// # config.insert_json5("scouting/multicast/enabled", "false")?;
/// # let pinner = zenoh_pinned::Pinner::host_only();
/// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
/// use std::sync::mpsc::channel;
/// use zenoh_pinned_node::pubsub::FrameSubscriber;
///
/// let (changed, changes) = channel();
/// let frames = FrameSubscriber::builder(&pinner)
///     .capacity(2)
///     .on_change(move || drop(changed.send(())))
///     .declare(&session, "camera/image")?;
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FrameSubscriberBuilder {
    pinner: Pinner,
    capacity: usize,
    on_change: Option<OnChange>,
}

/// Called on zenoh's receive thread, so it has to be short.
#[derive(Clone)]
struct OnChange(Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for OnChange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("OnChange")
    }
}

impl FrameSubscriber {
    /// A subscriber whose frames go to `pinner`'s device.
    pub fn builder(pinner: &Pinner) -> FrameSubscriberBuilder {
        FrameSubscriberBuilder {
            pinner: pinner.clone(),
            capacity: 4,
            on_change: None,
        }
    }

    /// The next frame, as soon as there is one.
    ///
    /// # Errors
    /// [`ReceiveError::Frame`] for a payload that is no frame, and [`ReceiveError::Closed`].
    ///
    /// ```
    /// # use zenoh::Wait;
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// # let frames = zenoh_pinned_node::pubsub::FrameSubscriber::builder(&pinner).declare(&session, "image")?;
    /// session.put("image", vec![1, 2, 3]).wait()?; // any zenoh publisher will do
    /// assert_eq!(&frames.recv()?.frame[..], [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn recv(&self) -> Result<ReceivedFrame, ReceiveError> {
        self.check()?;
        match self.queue.take(None) {
            Taken::Item(item) => Ok(item?),
            Taken::Nothing | Taken::Closed => Err(ReceiveError::Closed),
        }
    }

    /// The next frame, waiting up to `timeout`; zero takes only what is there.
    ///
    /// # Errors
    /// [`ReceiveError`].
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// # let frames = zenoh_pinned_node::pubsub::FrameSubscriber::builder(&pinner).declare(&session, "image")?;
    /// use std::time::Duration;
    /// use zenoh_pinned_node::pubsub::ReceiveError;
    ///
    /// let nothing = frames.recv_timeout(Duration::from_millis(1));
    /// assert!(matches!(nothing, Err(ReceiveError::TimedOut(_))));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<ReceivedFrame, ReceiveError> {
        self.check()?;
        match self.queue.take(Instant::now().checked_add(timeout)) {
            Taken::Item(item) => Ok(item?),
            Taken::Nothing => Err(ReceiveError::TimedOut(timeout)),
            Taken::Closed => Err(ReceiveError::Closed),
        }
    }

    /// How many frames made room for newer ones, because they were not taken in time; zero in a forked child.
    pub fn overrun(&self) -> u64 {
        self.check().map_or(0, |()| self.queue.overrun())
    }

    /// Nobody fills the queue of a forked child, and a thread of the parent may have been at it.
    fn check(&self) -> Result<(), ReceiveError> {
        match self.subscriber.is_here() {
            true => Ok(()),
            false => Err(ReceiveError::Forked),
        }
    }
}

/// In the callback: zenoh drops it when the subscriber or its session is closed.
struct Receiving {
    queue: Arc<Queue<Item>>,
    on_change: Option<OnChange>,
}

impl Receiving {
    fn push(&self, item: Item) {
        self.queue.push(item);
        self.announce();
    }

    fn announce(&self) {
        if let Some(OnChange(announce)) = &self.on_change {
            announce();
        }
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.queue.close();
        self.announce();
    }
}

impl FrameSubscriberBuilder {
    /// How many frames may wait, 4 by default. Each keeps a slot of its producer: fewer than the producer
    /// has.
    pub fn capacity(mut self, frames: usize) -> Self {
        self.capacity = frames;
        self
    }

    /// Calls `announce` when a frame has been queued and when the session is closed, on zenoh's receive
    /// thread: for event loops that cannot wait in [`FrameSubscriber::recv`]. It must return at once.
    pub fn on_change(mut self, announce: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_change = Some(OnChange(Arc::new(announce)));
        self
    }

    /// Declares the subscriber.
    ///
    /// # Errors
    /// zenoh's own: the key expression is none, or the session is closed.
    pub fn declare(self, session: &Session, key: &str) -> zenoh::Result<FrameSubscriber> {
        let queue = Arc::new(Queue::new(self.capacity));
        let pinner = self.pinner;
        let receiving = Receiving {
            queue: queue.clone(),
            on_change: self.on_change,
        };
        let subscriber = session
            .declare_subscriber(key.to_owned())
            .callback(move |sample| receiving.push(received(sample, &pinner)))
            .wait()?;
        Ok(FrameSubscriber {
            queue,
            subscriber: OfThisProcess::new(subscriber),
        })
    }
}

fn received(sample: Sample, pinner: &Pinner) -> Item {
    let frame = Frame::from_payload(sample.payload(), pinner)?;
    Ok(ReceivedFrame {
        key: sample.key_expr().clone().into_owned(),
        attachment: sample.attachment().cloned(),
        timestamp: sample.timestamp().copied(),
        frame,
    })
}
