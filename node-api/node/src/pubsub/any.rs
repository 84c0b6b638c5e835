//! Waiting for whatever comes first, and streams.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_core::Stream;

use super::{FrameSubscriber, ReceiveError, ReceivedFrame, subscriber::wait_for_any};

/// The next frame of any of `subscribers`, and which one it came to, waiting up to `timeout`. One thread sleeps on all
/// bells at once (futex_waitv, Linux 5.16; before that it looks at the others every second).
///
/// Those in front are asked first each time: put what is urgent there.
///
/// # Errors
/// [`ReceiveError::TimedOut`]; otherwise what the first of them that has something says.
///
/// ```
/// # let mut config = zenoh::Config::default();
/// # config.insert_json5("scouting/multicast/enabled", "false")?;
/// # let pinner = zenoh_pinned::Pinner::host_only();
/// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
/// use std::time::Duration;
/// use zenoh::Wait;
/// use zenoh_pinned_node::pubsub::{FrameSubscriber, recv_any};
///
/// let left = FrameSubscriber::builder(&pinner).declare(&session, "left")?;
/// let right = FrameSubscriber::builder(&pinner).declare(&session, "right")?;
/// session.put("right", vec![1]).wait()?;
/// let (which, received) = recv_any(&[&left, &right], Duration::from_secs(1))?;
/// assert_eq!((which, received.frame[0]), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub fn recv_any(
    subscribers: &[&FrameSubscriber],
    timeout: Duration,
) -> Result<(usize, ReceivedFrame), ReceiveError> {
    let until = Instant::now().checked_add(timeout);
    let mut has_waited = false;
    loop {
        for (which, subscriber) in subscribers.iter().enumerate() {
            if let Some(received) = subscriber.take()? {
                return Ok((which, received));
            }
        }
        if has_waited && zenoh_pinned::bindings::is_interrupted() {
            return Err(ReceiveError::Interrupted);
        }
        if !wait_for_any(subscribers, until) {
            return Err(ReceiveError::TimedOut(timeout));
        }
        has_waited = true;
    }
}

/// Frames as a [`Stream`]; made by [`FrameSubscriber::stream`].
#[derive(Debug)]
pub struct FrameStream<'a> {
    frames: &'a FrameSubscriber,
}

impl FrameSubscriber {
    /// All frames as they come, for `while let Some(received) = stream.next().await`; ends when the session is closed.
    ///
    /// ```no_run
    /// # async fn first(frames: &zenoh_pinned_node::pubsub::FrameSubscriber) {
    /// use futures::StreamExt;
    ///
    /// let mut stream = frames.stream();
    /// while let Some(received) = stream.next().await {
    ///     println!("{:?}", received.map(|received| received.frame.len()));
    /// }
    /// # }
    /// ```
    pub fn stream(&self) -> FrameStream<'_> {
        FrameStream { frames: self }
    }
}

impl Stream for FrameStream<'_> {
    type Item = Result<ReceivedFrame, ReceiveError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.frames.poll_recv(context) {
            Poll::Ready(Err(ReceiveError::Closed | ReceiveError::Forked)) => Poll::Ready(None),
            Poll::Ready(received) => Poll::Ready(Some(received)),
            Poll::Pending => Poll::Pending,
        }
    }
}
