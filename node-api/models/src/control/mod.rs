//! The control plane: models for clients of the Open Inference Protocol over gRPC, with Triton's calls for a repository and
//! gRPC's for health.
//!
//! Holds: what clients may ask (`service`, `health`), how requests become what models take (`translating`, `contents`) and
//! fit them (`description`), streams of them (`stream`), and what a client may cost (`limits`, `capacity`, `connection`,
//! `receiving`, `codec`, `fields`, `sending`). Whoever has the models is asked through [`Models`]. The server has threads of its own.
//!
//! Invariants:
//! - Each call has one answer or one error, with the status that Triton gives it where Triton has such a case.
//! - Requests, bytes, connections and calls at a time are bounded; whoever comes beyond is refused at once, and counted.
//! - Whoever does not send, does not read, or takes nothing of his answer is let go after a deadline, and holds nobody up.
//! - A request whose client has gone, or whose deadline has passed, is given up.
//!
//! Knowingly weak: there is no password and no encryption. Messages cannot be compressed. Tensors come within messages:
//! clients cannot register memory, and each tensor is copied on its way to a worker; whoever wants none of that asks
//! through zenoh.

mod builder;
mod call;
mod calls;
mod capacity;
mod codec;
mod connection;
mod contents;
mod deadline;
mod description;
mod error;
mod fields;
mod health;
mod infer;
mod invalid;
mod limits;
mod messages;
mod models;
mod protocol;
mod receiving;
mod sending;
mod serve_error;
mod service;
mod serving;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod translating;

pub use builder::ServerBuilder;
pub use capacity::Counts;
pub use description::{Description, Port};
pub use error::{ControlError, Unsupported};
pub use invalid::{InvalidRequest, Shape};
pub use limits::Limits;
pub use models::{Answering, BatchStatistics, Listed, Models, Spent, Statistics};
pub use serve_error::ServeError;
pub use serving::Server;
pub use state::ModelState;
