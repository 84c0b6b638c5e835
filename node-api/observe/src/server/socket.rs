//! The socket: every look that is taken, as one message of JSON. It takes nothing but signs of life.
//!
//! A browser that does not read has one message on its way; looks that come meanwhile are skipped, and after the
//! connection's deadline it is let go. While a socket is open a look is taken each second.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;

use super::connection::READ_DEADLINE;
use crate::looks::{CADENCE, Latest, Look, Looks, Overdue};

/// Sockets at a time.
pub(super) const SOCKETS: usize = 32;
/// Looks from one question for a sign of life to the next.
const LOOKS_A_PING: u64 = READ_DEADLINE.as_secs() / CADENCE.as_secs() / 3;
/// Of a message from a browser, which has nothing to say.
const MESSAGE_BYTES: usize = 1 << 10;
const READ_BUFFER: usize = 4 << 10;

/// The places for sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    looks: Arc<Looks>,
    places: Arc<Semaphore>,
}

impl Sockets {
    pub(super) fn of(looks: Arc<Looks>) -> Self {
        let places = Arc::new(Semaphore::new(SOCKETS));
        Self { looks, places }
    }

    /// Makes a socket of the request's connection, if there is a place.
    pub(super) fn open(&self, upgrade: WebSocketUpgrade) -> Response {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let words = "Too many pages are open: ask /api/stats once a second instead.\n";
            return (StatusCode::SERVICE_UNAVAILABLE, words).into_response();
        };
        let looks = Arc::clone(&self.looks);
        upgrade
            .read_buffer_size(READ_BUFFER)
            // Each message goes out at once.
            .write_buffer_size(0)
            .max_message_size(MESSAGE_BYTES)
            .max_frame_size(MESSAGE_BYTES)
            .on_upgrade(async move |socket| {
                let ended = push(socket, &looks).await;
                tracing::debug!("a socket ended: {ended}");
                drop(place);
            })
    }
}

/// Why a socket ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("its peer closed it or has gone, or took or sent nothing for too long")]
    Gone,
    #[error("its peer sent a message")]
    Spoke,
    #[error(transparent)]
    Overdue(Overdue),
}

impl Ended {
    fn frame(&self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Gone => return None,
            Self::Spoke => (close_code::POLICY, "this socket takes no messages".into()),
            Self::Overdue(_) => (close_code::ERROR, "no look in time; see /readyz".into()),
        };
        Some(CloseFrame { code, reason })
    }
}

async fn push(mut socket: WebSocket, looks: &Looks) -> Ended {
    let ended = push_looks(&mut socket, looks).await;
    if let Some(frame) = ended.frame() {
        // Whoever has gone meanwhile need not know.
        let _ = socket.send(Message::Close(Some(frame))).await;
    }
    ended
}

async fn push_looks(socket: &mut WebSocket, looks: &Looks) -> Ended {
    let mut latest = looks.latest();
    let mut look = looks.fresh(&mut latest).await;
    for pushed in 1_u64.. {
        let message = match look {
            Ok(look) => text(&look.stats),
            Err(overdue) => return Ended::Overdue(overdue),
        };
        if socket.send(message).await.is_err() {
            return Ended::Gone;
        }
        let ping = Message::Ping(Bytes::new());
        if pushed % LOOKS_A_PING == 0 && socket.send(ping).await.is_err() {
            return Ended::Gone;
        }
        look = match next(socket, looks, &mut latest).await {
            Ok(look) => look,
            Err(ended) => return ended,
        };
    }
    Ended::Gone
}

/// The next look, while the peer says nothing but that it is there.
async fn next(
    socket: &mut WebSocket,
    looks: &Looks,
    latest: &mut Latest,
) -> Result<Result<Arc<Look>, Overdue>, Ended> {
    let next = looks.next(latest);
    tokio::pin!(next);
    loop {
        tokio::select! {
            look = &mut next => return Ok(look),
            message = socket.recv() => match message {
                // The answer to a close goes out with the next turn, which then ends.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
                Some(Ok(Message::Text(_) | Message::Binary(_))) => return Err(Ended::Spoke),
                Some(Err(_)) | None => return Err(Ended::Gone),
            },
        }
    }
}

fn text(stats: &Bytes) -> Message {
    // It was written as text.
    Message::Text(Utf8Bytes::try_from(stats.clone()).unwrap_or_default())
}
