//! The parsers of dora's messages.

#![allow(dead_code, reason = "the parsers' crate uses the rest")]

#[path = "../../node-api/src/dora/acknowledgement.rs"]
pub(crate) mod acknowledgement;
#[path = "../../node-api/src/dora/environment.rs"]
pub(crate) mod environment;
#[path = "../../node-api/src/dora/framing.rs"]
pub(crate) mod framing;
