//! What clients may take of the server.

use std::time::Duration;

use super::ServeError;

/// What clients may take of the server. Beyond it they are refused at once, and the server goes on for the others.
///
/// ```
/// use zenoh_pinned_models::control::Limits;
///
/// let limits = Limits { requests: 64, ..Limits::default() };
/// assert_eq!(limits.message_bytes, 64 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message from a client; 64 MiB.
    pub message_bytes: usize,
    /// Bytes that all messages under way hold together, requests and answers; 1 GiB.
    pub held_bytes: usize,
    /// Requests under way, of all clients; 4096.
    pub requests: usize,
    /// Requests under way of one stream; 64. Further ones stay with the client until one is answered.
    pub stream_requests: usize,
    /// Connections at a time; 128.
    pub connections: usize,
    /// Calls at a time over one connection; 4096. Further ones stay with the client.
    pub streams: u32,
    /// Clients at a time that watch the health; 64.
    pub watchers: usize,
    /// Bytes of a call's headers; 16 KiB.
    pub header_bytes: u32,
    /// How often a silent connection is asked whether it is still there; 20 s. It is let go after as long without an answer.
    pub keep_alive: Duration,
    /// How long a message may take to come; 30 s.
    pub receive_within: Duration,
    /// How long a client may take nothing of an answer; 30 s. Then its connection ends.
    pub take_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 64 << 20,
            held_bytes: 1 << 30,
            requests: 4096,
            stream_requests: 64,
            connections: 128,
            streams: 4096,
            watchers: 64,
            header_bytes: 16 << 10,
            keep_alive: Duration::from_secs(20),
            receive_within: Duration::from_secs(30),
            take_within: Duration::from_secs(30),
        }
    }
}

/// The most bytes of a message that the protocol can tell of.
const MESSAGE_BYTES: usize = u32::MAX as usize;

impl Limits {
    pub(super) fn check(&self) -> Result<(), ServeError> {
        let counts = [
            ("message_bytes", self.message_bytes),
            ("held_bytes", self.held_bytes),
            ("requests", self.requests),
            ("stream_requests", self.stream_requests),
            ("connections", self.connections),
            ("streams", self.streams as usize),
            ("header_bytes", self.header_bytes as usize),
        ];
        let times = [
            ("keep_alive", self.keep_alive),
            ("receive_within", self.receive_within),
            ("take_within", self.take_within),
        ];
        let zero = counts.iter().find(|(_, count)| *count == 0);
        let instant = times.iter().find(|(_, time)| time.is_zero());
        let name = zero.map(|(name, _)| name).or(instant.map(|(name, _)| name));
        match name {
            Some(name) => Err(ServeError::Zero { name }),
            None if self.message_bytes > MESSAGE_BYTES => Err(ServeError::MessageBytes),
            None if self.held_bytes < self.message_bytes => Err(ServeError::HeldBytes),
            None => Ok(()),
        }
    }
}
