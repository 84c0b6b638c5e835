//! A subscriber and the frames that it has received.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use zenoh::{
    Session, Wait,
    key_expr::{KeyExpr, OwnedKeyExpr},
    liveliness::LivelinessToken,
    pubsub::Subscriber,
    sample::{Locality, SampleKind},
};
use zenoh_pinned::{
    Pinner,
    bindings::line::{Inbox, NoLine, Overflow, sleep_unless},
    shm_clients,
};

use super::{
    announcing::Announcing,
    meeting::{self, AloneToken, InboxToken, Subscription},
    process::OfThisProcess,
    received::{ReceiveError, ReceivedFrame},
    receiving::{Announce, LineFromPublisher, Receiving, Taken},
};

/// How often a wait asks whether it is to end ([`zenoh_pinned::bindings::interruptible`]).
const ASK_EVERY: Duration = Duration::from_millis(50);

/// How long a wait may be spent looking, where the one before was as short: about what sleeping and being woken costs.
const LOOK_FOR: Duration = Duration::from_micros(20);

/// Receives frames, from publishers of ours on this host by lines, from all others by zenoh. Usable from any thread.
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
    pub(super) receiving: Arc<Receiving>,
    announcing: Announcing,
    declared: OfThisProcess<Declared>,
}

/// What a session has of a subscriber.
#[derive(Debug)]
struct Declared {
    subscription: Arc<Subscription>,
    _alone: Option<Subscriber<()>>,
    _token: Option<LivelinessToken>,
    _closing: Subscriber<()>,
}

impl Drop for Declared {
    fn drop(&mut self) {
        self.subscription.end();
    }
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
    overflow: Overflow,
    line: bool,
    on_change: Option<OnChange>,
}

/// Called on zenoh's receive thread or one of this library's, so it has to be short.
#[derive(Clone)]
struct OnChange(Announce);

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
            overflow: Overflow::DropOldest,
            line: true,
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
        match self.wait_for_one(None)? {
            Some(received) => Ok(received),
            None => Err(ReceiveError::Closed),
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
        let received = self.wait_for_one(Instant::now().checked_add(timeout))?;
        received.ok_or(ReceiveError::TimedOut(timeout))
    }

    /// The next frame, if there is one.
    ///
    /// # Errors
    /// [`ReceiveError`]; [`ReceiveError::TimedOut`] where there is none.
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// # let frames = zenoh_pinned_node::pubsub::FrameSubscriber::builder(&pinner).declare(&session, "image")?;
    /// assert!(frames.try_recv().is_err()); // nobody has published
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn try_recv(&self) -> Result<ReceivedFrame, ReceiveError> {
        self.take()?.ok_or(ReceiveError::TimedOut(Duration::ZERO))
    }

    /// What is there.
    pub(super) fn take(&self) -> Result<Option<ReceivedFrame>, ReceiveError> {
        self.check()?;
        match self.receiving.take() {
            Taken::Item(item) => Ok(Some((*item)?)),
            Taken::Nothing => Ok(None),
            Taken::Closed => Err(ReceiveError::Closed),
        }
    }

    fn wait_for_one(&self, until: Option<Instant>) -> Result<Option<ReceivedFrame>, ReceiveError> {
        let mut has_waited = false;
        loop {
            if let Some(received) = self.take()? {
                return Ok(Some(received));
            }
            // Only where nothing has come: to ask may take a language's interpreter.
            if has_waited && zenoh_pinned::bindings::is_interrupted() {
                return Err(ReceiveError::Interrupted);
            }
            if !wait_for_any(&[self], until) {
                return Ok(None);
            }
            has_waited = true;
        }
    }

    /// The next frame, without holding up the thread. Dropping the future loses nothing.
    ///
    /// A thread of this library sleeps on the bell and wakes the task, which costs a second wake-up; [`FrameSubscriber::recv`]
    /// costs one.
    ///
    /// # Errors
    /// As [`FrameSubscriber::recv`].
    ///
    /// ```no_run
    /// # async fn all(frames: &zenoh_pinned_node::pubsub::FrameSubscriber) {
    /// while let Ok(received) = frames.recv_async().await {
    ///     println!("{} bytes", received.frame.len());
    /// }
    /// # }
    /// ```
    pub async fn recv_async(&self) -> Result<ReceivedFrame, ReceiveError> {
        self.announcing.start(&self.receiving);
        std::future::poll_fn(|context| self.poll_recv(context)).await
    }

    pub(super) fn poll_recv(
        &self,
        context: &std::task::Context<'_>,
    ) -> std::task::Poll<Result<ReceivedFrame, ReceiveError>> {
        use std::task::Poll;
        self.announcing.start(&self.receiving);
        // Twice: what arrives before the waker is known wakes nobody.
        for is_known in [false, true] {
            match self.take() {
                Ok(Some(received)) => return Poll::Ready(Ok(received)),
                Err(error) => return Poll::Ready(Err(error)),
                Ok(None) if !is_known => self.receiving.wake_later(context.waker()),
                Ok(None) => {}
            }
        }
        Poll::Pending
    }

    /// The lines that are open to this subscriber.
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// # let frames = zenoh_pinned_node::pubsub::FrameSubscriber::builder(&pinner).declare(&session, "image")?;
    /// for line in frames.lines() {
    ///     println!("{} by a line from process {}", line.key, line.pid);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn lines(&self) -> Vec<LineFromPublisher> {
        self.check()
            .map_or_else(|_| Vec::new(), |()| self.receiving.lines())
    }

    /// Why this subscriber can have no lines; `None` where it can.
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// use zenoh_pinned_node::pubsub::{FrameSubscriber, NoLine};
    ///
    /// let frames = FrameSubscriber::builder(&pinner).line(false).declare(&session, "image")?;
    /// assert_eq!(frames.no_line(), Some(&NoLine::SwitchedOff));
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn no_line(&self) -> Option<&NoLine> {
        self.receiving.inbox().err()
    }

    /// How many frames made room for newer ones, because they were not taken in time; zero in a forked child.
    pub fn overrun(&self) -> u64 {
        self.check().map_or(0, |()| self.receiving.overrun())
    }

    /// As [`FrameSubscriberBuilder::on_change`], from now on: for bindings, whose callers may never need it. Called once
    /// at once, because something may have come before.
    #[doc(hidden)]
    pub fn announce_to(&self, announce: impl Fn() + Send + Sync + 'static) {
        if self.check().is_ok() {
            self.receiving.announce_to(Arc::new(announce));
            self.announcing.start(&self.receiving);
            self.receiving.announce();
        }
    }

    /// Ends all waits, as the end of the session does: for bindings, where one thread closes what another waits for.
    #[doc(hidden)]
    pub fn close(&self) {
        if self.check().is_ok() {
            self.receiving.close();
        }
    }

    /// Nobody fills the queue of a forked child, and a thread of the parent may have been at it.
    pub(super) fn check(&self) -> Result<(), ReceiveError> {
        match self.declared.is_here() {
            true => Ok(()),
            false => Err(ReceiveError::Forked),
        }
    }
}

/// Sleeps until there may be something to take from one of `subscribers`; `false` where the time is over. May return early.
pub(super) fn wait_for_any(subscribers: &[&FrameSubscriber], until: Option<Instant>) -> bool {
    let left = match until {
        Some(until) => until.saturating_duration_since(Instant::now()),
        None => Duration::MAX,
    };
    if left.is_zero() {
        return false;
    }
    let bells: Vec<_> = subscribers
        .iter()
        .map(|subscriber| subscriber.receiving.bell())
        .collect();
    let sleeps = subscribers
        .iter()
        .map(|subscriber| subscriber.receiving.longest_sleep());
    let longest = sleeps.min().unwrap_or(Duration::MAX).min(left);
    let longest = match zenoh_pinned::bindings::may_be_interrupted() {
        true => longest.min(ASK_EVERY),
        false => longest,
    };
    let mut receiving = subscribers.iter().map(|subscriber| &subscriber.receiving);
    let comes_quickly = receiving.any(|receiving| receiving.comes_quickly());
    let found = || {
        let mut subscribers = subscribers.iter();
        subscribers.any(|subscriber| subscriber.receiving.has_something())
    };
    let begun = Instant::now();
    let was_found = comes_quickly && look_for(found, begun + LOOK_FOR.min(left));
    if !was_found {
        sleep_unless(&bells, longest, found);
    }
    let was_quick = begun.elapsed() < LOOK_FOR;
    if was_quick != comes_quickly {
        for subscriber in subscribers {
            subscriber.receiving.set_comes_quickly(was_quick);
        }
    }
    true
}

/// Looks again and again, until something is found or the time is over.
fn look_for(found: impl Fn() -> bool, until: Instant) -> bool {
    loop {
        for _ in 0..8 {
            if found() {
                return true;
            }
            (0..32).for_each(|_| std::hint::spin_loop());
        }
        if Instant::now() >= until {
            return false;
        }
    }
}

/// In a subscription of its own, which zenoh drops when the session is closed.
struct Closing(Arc<Receiving>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl FrameSubscriberBuilder {
    /// How many frames may wait, 4 by default: of each publisher that has a line, and of all others together. Each keeps
    /// a slot of its producer: fewer than the producer has. With 1 it is always the newest.
    pub fn capacity(mut self, frames: usize) -> Self {
        self.capacity = frames;
        self
    }

    /// What happens where that is not enough, for frames that come by a line: by default the oldest makes room.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Whether publishers of ours on this host may hand frames over directly, true by default. The environment variable
    /// `ZENOH_PINNED_LINE=off` says no for all.
    pub fn line(mut self, line: bool) -> Self {
        self.line = line;
        self
    }

    /// Calls `announce` when a frame has come and when the session is closed, on zenoh's receive thread or one of this
    /// library's: for event loops that cannot wait in [`FrameSubscriber::recv`]. It must return at once.
    pub fn on_change(mut self, announce: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_change = Some(OnChange(Arc::new(announce)));
        self
    }

    /// Declares the subscriber.
    ///
    /// # Errors
    /// zenoh's own: the key expression is none, or the session is closed.
    pub fn declare(self, session: &Session, key: &str) -> zenoh::Result<FrameSubscriber> {
        let key = OwnedKeyExpr::autocanonize(key.to_owned())?;
        let inbox = match self.line && meeting::is_wanted() {
            true => Inbox::new(self.capacity, self.overflow, shm_clients(&self.pinner)),
            false => Err(NoLine::SwitchedOff),
        };
        if let Err(reason) = &inbox {
            tracing::debug!(%key, %reason, "frames come by zenoh only");
        }
        let receiving = Receiving::new(inbox, self.pinner, self.capacity);
        if let Some(OnChange(announce)) = &self.on_change {
            receiving.announce_to(announce.clone());
        }
        let declared = declare(session, &key, &receiving)?;
        let announcing = Announcing::default();
        if self.on_change.is_some() {
            announcing.start(&receiving);
        }
        Ok(FrameSubscriber {
            receiving,
            announcing,
            declared: OfThisProcess::new(declared),
        })
    }
}

fn declare(
    session: &Session,
    key: &OwnedKeyExpr,
    receiving: &Arc<Receiving>,
) -> zenoh::Result<Declared> {
    let into = receiving.clone();
    let callback = move |sample| into.came_by_zenoh(sample);
    let subscription = Subscription::declare(session, key.clone(), callback)?;
    receiving.subscribed_by(&subscription);
    let closing = Closing(receiving.clone());
    let closing = session
        .declare_subscriber(format!(
            "@zpin/closing/{:x}",
            Arc::as_ptr(receiving) as usize
        ))
        .allowed_origin(Locality::SessionLocal)
        .callback(move |_| {
            let _ = &closing;
        })
        .wait()?;
    let mut declared = Declared {
        subscription: subscription.clone(),
        _alone: None,
        _token: None,
        _closing: closing,
    };
    let Ok(inbox) = receiving.inbox() else {
        return Ok(declared);
    };
    if !KeyExpr::from(key.clone()).is_wild() {
        let alone = session
            .liveliness()
            .declare_subscriber(AloneToken::all_on(key))
            .history(true)
            .callback(move |sample| {
                if let Some(token) = AloneToken::parse(sample.key_expr()) {
                    subscription.set_alone(token.source, sample.kind() == SampleKind::Put);
                }
            })
            .wait()?;
        declared._alone = Some(alone);
    }
    // Last, so that a publisher that learns of the inbox knows of the subscription.
    let token = InboxToken::new(inbox.address(), session.zid(), &KeyExpr::from(key.clone()));
    declared._token = Some(session.liveliness().declare_token(token.key()).wait()?);
    Ok(declared)
}
