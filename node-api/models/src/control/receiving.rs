//! What comes from a client: bounded in bytes and in time before anything is made of it.
//!
//! A message is five bytes, the last four of which tell its length (the highest first), and so many bytes. Its length is
//! looked at before memory is taken for it, and its bytes are counted as they come. The time for a message runs from its
//! first byte on; in a call of one message, from the call on.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use super::{
    ControlError, Limits,
    capacity::{Capacity, Held},
};

/// Before each message: whether it is compressed, and its length.
const HEAD: usize = 5;

/// The bytes that have come in a call and that nobody has taken charge of yet.
#[derive(Debug)]
pub(super) struct Received(Mutex<Held>);

impl Received {
    pub(super) fn new(capacity: &Arc<Capacity>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(capacity.hold())))
    }

    /// Whoever calls it holds them from now on.
    pub(super) fn take(&self) -> Held {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.take()
    }

    fn grow(&self, bytes: usize) -> Result<(), ControlError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.grow(bytes)
    }
}

/// What was passed over.
#[derive(Debug, Default)]
struct Passed {
    /// So many bytes are all right.
    bytes: usize,
    /// Whether a message has ended in them.
    ended: bool,
    /// What is wrong with the message that follows them.
    error: Option<ControlError>,
}

/// Where in its messages a call's body is.
#[derive(Debug)]
struct Messages {
    most: usize,
    head: [u8; HEAD],
    /// Bytes of the head that are there.
    have: usize,
    /// Bytes of the message that are still to come.
    rest: usize,
}

impl Messages {
    fn of(most: usize) -> Self {
        Self {
            most,
            head: [0; HEAD],
            have: 0,
            rest: 0,
        }
    }

    /// Goes on over these bytes.
    fn pass(&mut self, bytes: &[u8]) -> Passed {
        let mut passed = Passed::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.rest > 0 {
                let some = rest.len().min(self.rest);
                self.rest -= some;
                passed.ended |= self.rest == 0;
                rest = rest.get(some..).unwrap_or_default();
                passed.bytes = bytes.len() - rest.len();
                continue;
            }
            let (head, behind) = rest.split_at(rest.len().min(HEAD - self.have));
            rest = behind;
            for byte in head {
                self.head.rotate_left(1);
                self.head[HEAD - 1] = *byte;
            }
            self.have += head.len();
            if self.have == HEAD {
                self.have = 0;
                let [_, a, b, c, d] = self.head;
                let length = u32::from_be_bytes([a, b, c, d]) as usize;
                if length > self.most {
                    passed.error = Some(ControlError::MessageTooLarge {
                        bytes: length,
                        most: self.most,
                    });
                    return passed;
                }
                self.rest = length;
                passed.ended |= length == 0;
            }
            passed.bytes = bytes.len() - rest.len();
        }
        passed
    }

    fn is_between(&self) -> bool {
        self.have == 0 && self.rest == 0
    }
}

/// The body of a call.
pub(super) struct Receiving {
    body: Incoming,
    received: Arc<Received>,
    capacity: Arc<Capacity>,
    messages: Messages,
    within: Duration,
    is_stream: bool,
    /// Until when the message has to be there; none between two messages of a stream.
    until: Option<Pin<Box<Sleep>>>,
    /// What follows the bytes that were given last.
    failed: Option<Status>,
}

impl Receiving {
    pub(super) fn new(
        body: Incoming,
        received: Arc<Received>,
        capacity: Arc<Capacity>,
        limits: &Limits,
        most: usize,
        is_stream: bool,
    ) -> Self {
        let within = limits.receive_within;
        Self {
            body,
            received,
            capacity,
            messages: Messages::of(most),
            within,
            is_stream,
            until: (!is_stream).then(|| Box::pin(sleep(within))),
            failed: None,
        }
    }

    /// What of these bytes goes on.
    fn took(&mut self, mut data: Bytes) -> Result<Bytes, Status> {
        let passed = self.messages.pass(&data);
        data.truncate(passed.bytes);
        if let Some(error) = passed.error {
            if data.is_empty() {
                return Err(error.into());
            }
            // The messages before it are all right.
            self.failed = Some(error.into());
        }
        self.received.grow(data.len()).inspect_err(|error| {
            self.capacity.count(&Err(error));
        })?;
        if !self.is_stream {
            // One time for all of it, also for saying that there is no more.
        } else if self.messages.is_between() {
            self.until = None;
        } else if passed.ended || self.until.is_none() {
            self.until = Some(Box::pin(sleep(self.within)));
        }
        Ok(data)
    }
}

impl Body for Receiving {
    type Data = Bytes;
    type Error = tonic::codegen::StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Some(status) = this.failed.take() {
            return Poll::Ready(Some(Err(status.into())));
        }
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            let late = this
                .until
                .as_mut()
                .map(|until| until.as_mut().poll(context));
            return match late {
                Some(Poll::Ready(())) => {
                    let within = this.within;
                    let slow = Status::from(ControlError::TooSlow { within });
                    Poll::Ready(Some(Err(slow.into())))
                }
                _ => Poll::Pending,
            };
        };
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(match frame.into_data() {
            Ok(data) => this.took(data).map(Frame::data).map_err(Into::into),
            Err(trailers) => Ok(trailers),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.failed.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(length.to_be_bytes());
        bytes.resize(HEAD + length as usize, 7);
        bytes
    }

    #[test]
    fn messages_are_told_apart_however_they_are_cut() {
        let whole = [message(3), message(0), message(10), message(0)].concat();
        for piece in 1..=whole.len() {
            let mut messages = Messages::of(10);
            let mut ends = 0;
            for bytes in whole.chunks(piece) {
                let passed = messages.pass(bytes);
                assert!(passed.error.is_none() && passed.bytes == bytes.len());
                ends += u32::from(passed.ended);
            }
            assert!(messages.is_between());
            assert!(
                ends >= 1 && (piece > 1 || ends == 4),
                "pieces of {piece}: {ends}"
            );
        }
    }

    #[test]
    fn a_message_that_has_begun_is_no_end() {
        let mut messages = Messages::of(10);
        assert!(messages.is_between());
        for byte in &message(2)[..6] {
            assert!(!messages.pass(&[*byte]).ended);
            assert!(!messages.is_between());
        }
        assert!(messages.pass(&[7]).ended);
        assert!(messages.is_between());
    }

    #[test]
    fn a_message_that_is_too_large_is_refused_by_its_head_and_those_before_it_go_on() {
        let refused = |passed: Passed| match passed.error {
            Some(ControlError::MessageTooLarge { bytes, most: 10 }) => (passed.bytes, bytes),
            error => panic!("{error:?}"),
        };
        let mut messages = Messages::of(10);
        assert!(messages.pass(&message(11)[..4]).error.is_none());
        assert_eq!(refused(messages.pass(&message(11)[4..5])), (0, 11));
        let most = u32::MAX as usize;
        assert_eq!(
            refused(Messages::of(10).pass(&[0, 255, 255, 255, 255])),
            (0, most)
        );
        let both = [message(10), message(11)].concat();
        assert_eq!(refused(Messages::of(10).pass(&both)), (15, 11));
    }
}
