//! What a supervisor, its workers and its clients say to each other.
//!
//! Holds: the messages, and the keys that they are published under. A message is one payload: short ones in ordinary
//! memory, longer ones in a slot. What a request or an answer carries stands in the message itself, or is a descriptor of a
//! frame in shared memory, which whoever sent it keeps until he knows that it was taken:
//! | who sent it | keeps it until |
//! |---|---|
//! | a client, to the supervisor | it has the answer |
//! | whoever lends a slot for an answer | it has the answer, or the worker has ended that it was lent to |
//! | the supervisor, to a worker | every request of the batch has its answer, or the worker has ended |
//! | a worker or the supervisor, back | the other side says [`Message::Taken`] |
//!
//! Invariants: a message is read whole or refused; a version that differs is refused as such; nothing in it is trusted but
//! by the process that it is addressed to, whose user wrote it.

use serde::{Deserialize, Serialize};

use crate::request::{Priority, RequestError};

/// The first byte of every message. Messages of another version are not read.
pub(crate) const VERSION: u8 = 2;
/// The most bytes of a payload that stand in the message itself where both sides share memory.
pub(crate) const INLINE_BYTES: usize = 4096;
/// The most requests of one message.
pub(crate) const MOST_REQUESTS: usize = 1024;

/// Bytes in the message, or where they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content<'a> {
    #[serde(borrow)]
    Inline(&'a [u8]),
    /// As [`zenoh_pinned::bindings::descriptor::Descriptor`] writes it.
    Shared([u8; 16]),
}

/// Where an answer is to be written: so many bytes, in a slot that is lent to one worker at a time, or in memory of the
/// worker's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnswerPlace {
    pub(crate) bytes: u64,
    /// As [`zenoh_pinned::bindings::descriptor::Descriptor`] writes it.
    pub(crate) slot: Option<[u8; 16]>,
}

/// A request, to the supervisor or to a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked<'a> {
    /// The sender's number for it.
    pub(crate) id: u64,
    #[serde(borrow)]
    pub(crate) content: Content<'a>,
    pub(crate) attachment: &'a [u8],
    pub(crate) answer_place: Option<AnswerPlace>,
    /// Microseconds until nobody wants the answer any more.
    pub(crate) remaining: u64,
    /// Trace and span of whoever asked; zero for none.
    pub(crate) trace: (u128, u64),
    /// How it is to be queued; of no interest to a worker.
    pub(crate) terms: Option<Terms<'a>>,
}

/// How a client wants a request to be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms<'a> {
    pub(crate) priority: Priority,
    /// Requests of one key go into one batch, empty for any.
    pub(crate) key: &'a str,
    /// Answers of one source keep their order; empty for none.
    pub(crate) source: &'a str,
    /// Whether one answer may do for requests of the same content.
    pub(crate) deduplicate: bool,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answered<'a> {
    pub(crate) id: u64,
    #[serde(borrow)]
    pub(crate) outcome: Result<Content<'a>, RequestError>,
    /// Beside what it carries.
    pub(crate) attachment: &'a [u8],
}

/// What a worker tells when it is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Capabilities {
    /// Whether frames reach it in shared memory.
    pub(crate) shares_memory: bool,
    /// What became of the processors, the NUMA node and the huge pages that it was to have, in words.
    pub(crate) placement: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Message<'a> {
    /// A worker or a client is there: repeated until it is welcome.
    Hello { pid: u32 },
    /// It was heard, by whom, and whether he can read its shared memory.
    Welcome { pid: u32, shares_memory: bool },
    /// A worker has loaded its model.
    Ready(Capabilities),
    /// A worker could not.
    NotReady { why: String },
    /// To a worker.
    Batch {
        number: u64,
        #[serde(borrow)]
        requests: Vec<Asked<'a>>,
    },
    /// From a client.
    Requests(Vec<Asked<'a>>),
    /// From a worker, to the batch of that number, or from the supervisor to a client, with a number of its own.
    Answers {
        number: u64,
        answers: Vec<Answered<'a>>,
        must_be_taken: bool,
    },
    /// The frames of the answers of this number, and of lower ones, need not be kept any more.
    Taken { number: u64 },
    /// Nobody waits for this request any more.
    Cancel { id: u64 },
    /// To a worker that is not the supervisor's child: end.
    Leave,
}

/// Why a message is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error(
        "it is of version {0}, this is {VERSION}: use the same version of zenoh-pinned-workers everywhere"
    )]
    OtherVersion(u8),
    #[error("it is no message of this protocol")]
    Nonsense,
}

impl<'a> Message<'a> {
    /// How many bytes it has when it is written.
    pub(crate) fn len(&self) -> usize {
        let size = postcard::ser_flavors::Size::default();
        // Counting cannot fail.
        1 + postcard::serialize_with_flavor(self, size).unwrap_or_default()
    }

    /// Writes it into `bytes`, which has [`len`](Self::len) bytes.
    pub(crate) fn write(&self, bytes: &mut [u8]) -> Result<(), Unreadable> {
        let (version, rest) = bytes.split_first_mut().ok_or(Unreadable::Nonsense)?;
        *version = VERSION;
        postcard::to_slice(self, rest).map_err(|_| Unreadable::Nonsense)?;
        Ok(())
    }

    /// Reads what another process wrote.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let (version, rest) = bytes.split_first().ok_or(Unreadable::Nonsense)?;
        if *version != VERSION {
            return Err(Unreadable::OtherVersion(*version));
        }
        let message = postcard::from_bytes(rest).map_err(|_| Unreadable::Nonsense)?;
        let count = match &message {
            Self::Batch { requests, .. } | Self::Requests(requests) => requests.len(),
            Self::Answers { answers, .. } => answers.len(),
            _ => 0,
        };
        if count > MOST_REQUESTS {
            return Err(Unreadable::Nonsense);
        }
        Ok(message)
    }
}

/// The keys of one pool of workers. The chunk `@zpin` is verbatim: no wildcard of an application matches it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    base: String,
}

impl Keys {
    pub(crate) fn of_pool(name: &str) -> Self {
        Self {
            base: format!("@zpin/workers/{VERSION}/{name}"),
        }
    }

    /// The token of a supervisor.
    pub(crate) fn supervisor(&self, instance: &str) -> String {
        format!("{}/supervisor/{instance}", self.base)
    }

    pub(crate) fn all_supervisors(&self) -> String {
        self.supervisor("*")
    }

    /// The token of a client, or of a worker that nobody here has started: who, and to which supervisor.
    pub(crate) fn peer(&self, role: Role, instance: &str, peer: &str) -> String {
        format!("{}/{}/{instance}/{peer}", self.base, role.chunk())
    }

    pub(crate) fn all_peers(&self, role: Role, instance: &str) -> String {
        self.peer(role, instance, "*")
    }

    /// What goes to a peer, and what comes from it.
    pub(crate) fn link(&self, instance: &str, peer: &str) -> LinkKeys {
        LinkKeys {
            down: format!("{}/link/{instance}/{peer}/down", self.base),
            up: format!("{}/link/{instance}/{peer}/up", self.base),
        }
    }

    /// Where a worker says that it lives.
    pub(crate) fn ping(&self, instance: &str, peer: &str) -> String {
        format!("{}/ping/{instance}/{peer}", self.base)
    }
}

/// Who is at the other end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Worker,
}

impl Role {
    fn chunk(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Worker => "worker",
        }
    }
}

/// Of a link between a supervisor (above) and a worker or client (below).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkKeys {
    pub(crate) down: String,
    pub(crate) up: String,
}

/// Whether a pool may be called so: it becomes a chunk of a key.
pub(crate) fn may_be_a_name(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() <= 64 && name.bytes().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(message: &Message<'_>) -> Vec<u8> {
        let mut bytes = vec![0; message.len()];
        message.write(&mut bytes).unwrap();
        bytes
    }

    fn batch() -> Message<'static> {
        let asked = |content| Asked {
            id: u64::MAX,
            content,
            attachment: b"frame 7",
            answer_place: Some(AnswerPlace {
                bytes: 4096,
                slot: Some([7; 16]),
            }),
            remaining: 5_000,
            trace: (1, 2),
            terms: Some(Terms {
                priority: Priority::High,
                key: "ocr",
                source: "camera/left",
                deduplicate: true,
            }),
        };
        Message::Batch {
            number: 3,
            requests: vec![
                asked(Content::Inline(b"abc")),
                asked(Content::Shared([9; 16])),
            ],
        }
    }

    #[test]
    fn each_message_reads_back() {
        let failed = Answered {
            id: 4,
            outcome: Err(RequestError::Expired),
            attachment: b"nothing",
        };
        let answers = Message::Answers {
            number: 1,
            answers: vec![failed],
            must_be_taken: true,
        };
        for message in [
            batch(),
            answers,
            Message::Hello { pid: 7 },
            Message::NotReady {
                why: String::from("no such model"),
            },
            Message::Leave,
        ] {
            assert_eq!(Message::read(&written(&message)), Ok(message));
        }
    }

    #[test]
    fn whatever_is_cut_or_turned_is_a_message_or_refused() {
        let whole = written(&batch());
        for end in 0..whole.len() {
            assert!(Message::read(&whole[..end]).is_err(), "{end}");
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                let _ = Message::read(&bytes);
            }
        }
        let mut other = whole;
        other[0] = 9;
        assert_eq!(Message::read(&other), Err(Unreadable::OtherVersion(9)));
    }

    #[test]
    fn a_name_is_one_chunk_of_a_key() {
        assert!(may_be_a_name("ocr-v4.1_fast"));
        for bad in ["", "a/b", "*", "$", "a b", "é", "#", "?", &"x".repeat(65)] {
            assert!(!may_be_a_name(bad), "{bad}");
        }
    }
}
