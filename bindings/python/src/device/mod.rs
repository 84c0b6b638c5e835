//! Devices, and copies to them.
//!
//! Holds: what can be copied (`source`), where to (`buffer`: device memory of this library, which others import;
//! `destination`: an array of another one), the streams of other libraries (`stream`), and the copies themselves
//! (`copy`). Which device a caller means and its pinner are below, in `target` and `pinners`.
//!
//! Invariant: nobody who does not name a CUDA device, or "auto", causes a context.

pub(crate) mod buffer;
pub(crate) mod copy;
mod destination;
pub(crate) mod source;
pub(crate) mod stream;
