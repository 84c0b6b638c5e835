//! What lets other libraries see memory of this one, and this one theirs.
//!
//! Holds: the buffer protocol in both directions (`buffer_protocol`, `exporter`, `imported`), Arrow's C data
//! interface inward (`arrow_array`), DLPack outward (`dlpack`) and inward (`tensor`), and arrays whose views can be
//! counted (`lending`).
//!
//! Invariant: a view keeps what it shows. A Python buffer keeps the object that exported it, which keeps
//! the bytes; a DLPack capsule keeps the bytes themselves.

pub(crate) mod arrow_array;
pub(crate) mod buffer_protocol;
pub(crate) mod dlpack;
pub(crate) mod exporter;
pub(crate) mod imported;
pub(crate) mod lending;
mod tensor;
