#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

#[cfg(feature = "dora")]
mod arrow_stream;
#[cfg(feature = "dora")]
#[doc(hidden)]
pub mod bindings;
#[cfg(feature = "dora")]
pub mod dora;
mod opening;
pub mod pubsub;
