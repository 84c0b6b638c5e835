//! The zenoh side of the publisher: who listens, and how a frame is put.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::Context as _;
use zenoh::Wait as _;
use zenoh::bytes::ZBytes;
use zenoh::liveliness::LivelinessToken;
use zenoh::matching::MatchingListener;
use zenoh::pubsub::Publisher;
use zenoh::qos::{CongestionControl, Reliability};

use crate::frame_header::FrameHeader;
use crate::session::{self, KEY, PUBLISHER_TOKEN};

const GIVE_UP_CHECK: Duration = Duration::from_millis(100);

pub(crate) struct FramePublisher<'a> {
    /// Before the publisher: fields are dropped in this order, and zenoh logs an error the other way.
    _listener: MatchingListener<()>,
    publisher: Publisher<'a>,
    somebody_listens: Arc<AtomicBool>,
    listening_changed: Receiver<()>,
    /// Tells subscribers that this publisher is there, and later that it has gone.
    _token: LivelinessToken,
}

impl<'a> FramePublisher<'a> {
    pub(crate) fn declare(session: &'a zenoh::Session) -> anyhow::Result<Self> {
        let failed = || format!("Nothing can be published on {KEY}");
        let publisher = session
            .declare_publisher(KEY)
            .congestion_control(CongestionControl::Block)
            .reliability(Reliability::Reliable)
            .express(true)
            .wait()
            .map_err(session::plain)
            .with_context(failed)?;
        let token = session
            .liveliness()
            .declare_token(PUBLISHER_TOKEN)
            .wait()
            .map_err(session::plain)
            .with_context(failed)?;
        let somebody_listens = Arc::new(AtomicBool::new(false));
        let (changed, listening_changed) = mpsc::channel();
        let listening = somebody_listens.clone();
        let listener = publisher
            .matching_listener()
            .callback(move |status| {
                listening.store(status.matching(), Ordering::Release);
                let _ = changed.send(());
            })
            .wait()
            .map_err(session::plain)
            .with_context(failed)?;
        Ok(Self {
            publisher,
            somebody_listens,
            listening_changed,
            _listener: listener,
            _token: token,
        })
    }

    pub(crate) fn somebody_listens(&self) -> bool {
        self.somebody_listens.load(Ordering::Acquire)
    }

    /// Returns false where `give_up` said so before anybody listened.
    pub(crate) fn wait_for_subscriber(&self, give_up: &dyn Fn() -> bool) -> bool {
        while !self.somebody_listens() {
            if give_up() {
                return false;
            }
            // Only wakes up: a time-out is as good as a change.
            let _ = self.listening_changed.recv_timeout(GIVE_UP_CHECK);
        }
        true
    }

    pub(crate) fn put(&self, payload: ZBytes, header: FrameHeader) -> anyhow::Result<()> {
        self.publisher
            .put(payload)
            .attachment(header.to_bytes())
            .wait()
            .map_err(session::plain)
            .context("zenoh did not take a frame")
    }
}
