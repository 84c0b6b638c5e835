//! Frames by callback: a thread that waits as `recv` does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use zenoh::Session;
use zenoh_pinned::FrameError;

use super::{
    FrameSubscriber, FrameSubscriberBuilder, ReceiveError, ReceivedFrame, subscriber::wait_for_any,
};

/// Calls back for each frame until it is dropped, which waits for a call that is going on. Made by
/// [`FrameSubscriberBuilder::listen`](super::FrameSubscriberBuilder::listen).
///
/// Usable from any thread. Dropping it in its own callback waits for nothing.
#[derive(Debug)]
pub struct FrameListener {
    frames: Arc<FrameSubscriber>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FrameListener {
    pub(super) fn start(
        frames: FrameSubscriber,
        mut received: impl FnMut(Result<ReceivedFrame, FrameError>) + Send + 'static,
    ) -> zenoh::Result<Self> {
        let frames = Arc::new(frames);
        let ends = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name(String::from("zpin-listening"));
        let (from, until) = (frames.clone(), ends.clone());
        let thread = thread.spawn(move || {
            // Relaxed: a flag; the bell orders.
            while !until.load(Ordering::Relaxed) {
                match from.take() {
                    Ok(Some(frame)) => received(Ok(frame)),
                    Ok(None) => {
                        wait_for_any(&[&from], None);
                    }
                    Err(ReceiveError::Frame(error)) => received(Err(error)),
                    Err(_) => return,
                }
            }
        })?;
        Ok(Self {
            frames,
            ends,
            thread: Some(thread),
        })
    }

    /// The subscriber that the frames come from, for its counters and lines.
    pub fn subscriber(&self) -> &FrameSubscriber {
        &self.frames
    }
}

impl FrameSubscriberBuilder {
    /// Declares the subscriber and calls `received` for each frame, on a thread of its own that sleeps on the bell itself:
    /// one wake-up from the publisher to `received`, which may take its time. Until the listener is dropped or the
    /// session is closed.
    ///
    /// # Errors
    /// As [`FrameSubscriberBuilder::declare`]; no thread could be started.
    ///
    /// ```
    /// # let mut config = zenoh::Config::default();
    /// # config.insert_json5("scouting/multicast/enabled", "false")?;
    /// # let pinner = zenoh_pinned::Pinner::host_only();
    /// # let session = zenoh_pinned_node::pubsub::open(config, &pinner)?;
    /// use zenoh_pinned_node::pubsub::FrameSubscriber;
    ///
    /// let listener = FrameSubscriber::builder(&pinner).listen(&session, "camera/image", |received| {
    ///     println!("{:?}", received.map(|received| received.frame.len()));
    /// })?;
    /// # drop(listener);
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    pub fn listen(
        self,
        session: &Session,
        key: &str,
        received: impl FnMut(Result<ReceivedFrame, FrameError>) + Send + 'static,
    ) -> zenoh::Result<FrameListener> {
        FrameListener::start(self.declare(session, key)?, received)
    }
}

impl Drop for FrameListener {
    fn drop(&mut self) {
        // A forked child has no such thread.
        let Some(thread) = self.thread.take() else {
            return;
        };
        if self.frames.check().is_err() {
            std::mem::forget(thread);
            return;
        }
        self.ends.store(true, Ordering::Relaxed);
        self.frames.receiving.bell().ring();
        if thread.thread().id() != std::thread::current().id() {
            // A panic of the callback has been reported by its thread.
            let _ = thread.join();
        }
    }
}
