//! Devices, and copies to them.
//!
//! Holds: which device a caller means (`target`), the pinner of each (`pinners`), streams of other libraries
//! (`stream`), what can be copied (`source`), device memory that others import (`buffer`), and the copies
//! themselves (`copy`).
//!
//! Invariant: nobody who does not name a CUDA device, or "auto", causes a context.

pub(crate) mod buffer;
pub(crate) mod copy;
pub(crate) mod pinners;
pub(crate) mod source;
pub(crate) mod stream;
mod target;

pub(crate) use target::{Target, Wish};
