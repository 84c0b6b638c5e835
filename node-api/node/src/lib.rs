#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

#[cfg(feature = "dora")]
mod arrow_stream;
#[cfg(feature = "dora")]
#[doc(hidden)]
pub mod bindings;
#[cfg(feature = "dora")]
pub mod dora;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod opening;
pub mod pubsub;
pub mod tensor;
