//! Sending a node's messages in dora's stead.
//!
//! Holds: the state of a node's outputs (`state`) and of one of them (`output`); settling an output's path and making
//! its pools (`settling`); where a message is written (`placing`); publishing it (`publishing`); the end (`ending`).
//! The last four are the verbs of the state; each uses only those named before it.
//!
//! Who may write what: whoever holds the mutex around the state, which is `detached`'s.
//!
//! Locks: none of its own. The mutex around the state is held during every call; only settling, publishing and the end
//! take time in it.
//!
//! Invariants:
//! - An output's path is settled once, with its first message, and never changes.
//! - No call waits for a free slot: where there is none, `placing` says what is worth waiting for.
//! - A message is reported to the daemon only after zenoh has taken it.
//!
//! Knowingly weak: while one output is settled, or zenoh's buffers are full, the node's other outputs wait too.

mod ending;
mod output;
pub(crate) mod placing;
mod publishing;
mod settling;
pub(crate) mod state;
