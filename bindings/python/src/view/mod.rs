//! What lets other libraries see memory of this one, and this one theirs.
//!
//! Holds: the buffer protocol (`buffer_protocol`), outward for classes (`buffer_class`, `lending`: arrays whose views
//! can be counted) and inward (`imported`); DLPack outward (`dlpack`) and inward (`tensor`); elements of either that are
//! not in one run (`strided`); NumPy's array interface outward (`array_interface`); Arrow's C data interface inward
//! (`arrow_array`). Knows nothing of frames and slots, which stand above.
//!
//! Locks: none.
//!
//! Invariant: a view keeps what it shows. A Python buffer keeps the object that exported it, which keeps
//! the bytes; a DLPack capsule keeps the bytes themselves.

pub(crate) mod array_interface;
pub(crate) mod arrow_array;
pub(crate) mod buffer_class;
pub(crate) mod buffer_protocol;
pub(crate) mod dlpack;
pub(crate) mod imported;
pub(crate) mod lending;
pub(crate) mod strided;
pub(crate) mod tensor;
