//! The parsers of dora's messages.

#![allow(dead_code, reason = "the parsers' crate uses the rest")]

#[path = "../../../../node-api/node/src/dora/acknowledgement.rs"]
pub(crate) mod acknowledgement;
#[path = "../../../../node-api/node/src/dora/environment.rs"]
pub(crate) mod environment;
#[path = "../../../../node-api/node/src/dora/framing.rs"]
pub(crate) mod framing;
