//! The parts of a segment that need no file.

#![allow(dead_code, reason = "the parsers' crate uses the rest")]

#[path = "../../../src/segment/header.rs"]
pub(crate) mod header;
#[path = "../../../src/segment/layout.rs"]
pub(crate) mod layout;
#[path = "../../../src/segment/release.rs"]
pub(crate) mod release;
