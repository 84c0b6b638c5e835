//! Sending in dora's stead.

pub(crate) mod output;
pub(crate) mod settling;
pub(crate) mod state;
