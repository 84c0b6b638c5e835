//! The HTTP server: a thread of its own with a runtime of one thread, for one person's browsers and one Prometheus.
//!
//! Holds: which requests are let in (`guard`), what a connection may cost (`connection`), the routes (`routes`), the page's
//! files (`page`) and those of whoever serves it (`application`), and the socket (`socket`). Looks are taken by `looks`, on a thread of their own: nothing in here blocks.
//!
//! Nothing that a client sends changes anything, is stored, or is longer than a request's header. Answers are written once a
//! look and shared by all who get them.
//!
//! Invariants:
//! - At most [`CONNECTIONS`](connection::CONNECTIONS) connections and [`SOCKETS`](socket::SOCKETS) of them sockets; who
//!   comes then is told so and let go.
//! - Whoever does not send, or does not take what is sent, is let go after a deadline. A socket has at most one message on
//!   its way and skips what comes meanwhile.
//! - Only the server's own names as `Host`, and no foreign `Origin`, get an answer. No header allows another origin.
//!
//! Knowingly weak: there is no password, so whoever can open a connection to the address sees it: on 127.0.0.1 every user of
//! the machine.

mod application;
mod builder;
mod connection;
mod error;
mod guard;
mod page;
mod routes;
mod serving;
mod socket;

pub use application::Card;
#[cfg(feature = "conformance")]
pub(crate) use builder::may_be_a_name;
pub use builder::{Observer, ObserverBuilder};
pub use error::ServeError;
pub use serving::Serving;
