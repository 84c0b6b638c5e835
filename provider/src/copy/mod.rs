//! Copies between a frame and a device: the verbs of frames, slots and pinners that need a device.
//!
//! Holds: permission to call the driver (`entering`), the three ways to the device (`to_device`), memory there that
//! other libraries borrow (`device_buffer`), copies out of memory that is registered for them alone (`once`), and the way back (`from_device`). The topmost floor: it uses all others,
//! and none uses it.
//!
//! Who may write what: a copy's source is never written by this process while a hold on it exists; a
//! staging slot is written by the copy that leased it, before its DMA is enqueued; a pool slot that a
//! device writes belongs to a [`CopyBack`] until the copy has executed.
//!
//! Locks: none of its own; no driver call and no copy is made under one of the floors below.
//!
//! Invariants:
//! - Whatever a DMA may read or write is held from before it is enqueued until an event recorded behind
//!   it has been reached. Where that cannot be found out (the context is lost), it is held for ever
//!   and counted. No copy is enqueued in a context that is known to be lost, so what is held for ever is
//!   what was in flight at that moment.
//! - What a copy in a CUDA graph reads is held until the graph and all that was made of it have gone.
//! - Device memory that was lent is given back behind everything that was enqueued in its context until its
//!   last user let go of it, on whatever stream; a stream of somebody else's is never touched after the call
//!   that named it.
//! - The calling thread's current context and capture mode are what they were, and nobody's capture is
//!   disturbed (`cuda`).
//! - No call here waits for another process. Only [`CopyBack::wait`], the [`cudarc::driver::HostSlice`]
//!   way and errors of the driver wait for a stream.
//!
//! Knowingly weak: a hold says nothing about the device memory of a copy into a `CudaSlice`; cudarc orders its
//! release behind the copy on the same stream.
//!
//! Specified by the CUDA driver API: stream and event management, `cuMemcpyHtoDAsync`.

mod device_buffer;
mod entering;
mod error;
mod from_device;
mod host_slice;
mod once;
mod to_device;

pub use device_buffer::DeviceBuffer;
pub use error::CopyError;
pub use from_device::CopyBack;
