//! A request and its answer: what they carry, how urgent one is, and why there is no answer.

mod answer_in;
mod builder;
mod error;
mod payload;
mod priority;
mod promise;

pub(crate) use answer_in::AnswerIn;
pub(crate) use builder::{ATTACHMENT_BYTES, Submission, check};
pub use builder::{Request, Requests};
pub use error::RequestError;
pub use payload::Payload;
pub use priority::Priority;
pub use promise::PendingAnswer;
pub(crate) use promise::{Outcome, Promise, promise};
