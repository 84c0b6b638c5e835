//! What goes to a client, and how long it may wait for him.
//!
//! A client that does not read is no matter of the socket alone: he may read and still take none of an answer. So each
//! connection knows since when a piece of an answer has waited to be taken, and ends when that is too long.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::sleep;
use tonic::Status;

use super::capacity::Held;

/// What goes out at a time, so that a client that takes a large answer slowly is seen to take it.
const PIECE: usize = 256 << 10;

/// Pieces of one connection that wait to be taken, and since when.
#[derive(Debug, Default)]
pub(super) struct Untaken {
    since: Mutex<BTreeMap<u64, Instant>>,
    number: AtomicU64,
}

impl Untaken {
    /// Ends when a piece has waited for so long.
    pub(super) async fn wait(&self, within: Duration) {
        loop {
            let oldest = self.pieces().values().min().copied();
            let waited = oldest.map_or(Duration::ZERO, |since| since.elapsed());
            if waited >= within {
                return;
            }
            // A piece that comes meanwhile has to wait for longer than this.
            sleep(within - waited).await;
        }
    }

    fn pieces(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer.
pub(super) struct Sending {
    body: tonic::body::Body,
    /// Of what the body gave, what has not gone out yet.
    rest: Bytes,
    untaken: Arc<Untaken>,
    number: u64,
    _held: Option<Arc<Held>>,
}

impl Sending {
    pub(super) fn new(
        body: tonic::body::Body,
        untaken: Arc<Untaken>,
        held: Option<Arc<Held>>,
    ) -> Self {
        let number = untaken.number.fetch_add(1, Relaxed);
        Self {
            body,
            rest: Bytes::new(),
            untaken,
            number,
            _held: held,
        }
    }

    /// The next piece waits from now on.
    fn gave(&mut self, frame: Frame<Bytes>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.untaken.pieces().insert(self.number, Instant::now());
        Poll::Ready(Some(Ok(frame)))
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        // It is asked for more, so the last piece was taken.
        this.untaken.pieces().remove(&this.number);
        if this.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                ended => return Poll::Ready(ended),
            };
            match frame.into_data() {
                Ok(data) => this.rest = data,
                Err(trailers) => return this.gave(trailers),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        this.gave(Frame::data(piece))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() {
            self.body.size_hint()
        } else {
            SizeHint::default()
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.untaken.pieces().remove(&self.number);
    }
}
