//! The parsers of dora's messages.

#![allow(dead_code, reason = "the parsers' crate uses the rest")]

#[path = "../../../../node-api/node/src/dora/route/acknowledgement.rs"]
pub(crate) mod acknowledgement;
#[path = "../../../../node-api/node/src/dora/link/environment.rs"]
pub(crate) mod environment;
#[path = "../../../../node-api/node/src/dora/link/framing.rs"]
pub(crate) mod framing;
