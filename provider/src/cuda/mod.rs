//! The one door to CUDA.
//!
//! Everything that calls the driver in this crate goes through here: opening a device (which loads the driver library
//! and retains the primary context), registering host memory, enqueueing copies and holding what they read or write
//! (`in_flight`), device memory that is lent and its end (`lent`), and the rule for calls that the user did not make.
//! It stands on `registration`, whose seam it fills. What an error is judged by comes from this crate's own entry
//! points (`entries`), not from cudarc's, and what other calls have left in a context is left there (`visit`).
//!
//! Nothing is loaded until somebody asks for a device. No call is made under a lock of this crate except the exit gate,
//! for a registration the mutex of that one segment, and for a fence its own; and none by a background thread or a
//! destructor without that gate (`os::exit::enter_driver`): a late call can crash a driver that is shutting down, so
//! what would be freed then is leaked to the end of the process instead. A context that an error has shown to be lost
//! is left alone (`lost`, `witness`), and a forked child never gets this far (`os::exit`).
//!
//! Invariants:
//! - A caller's thread has the context that it had, also none, and the capture mode that it had (`visit`).
//! - Nothing is asked, recorded or waited for on a stream that is captured (`capture`), and no context is waited for
//!   as a whole but by a fence (`memory`), so no capture of anybody is disturbed.
//!
//! Knowingly weak: what cudarc itself calls (retaining a context, the read and write events of its `CudaSlice`) returns
//! the enumeration of its header, whatever the driver answers.

mod capture;
mod copy;
mod device;
mod entries;
mod error;
mod event;
mod host_memory;
mod in_flight;
mod lent;
mod lost;
mod memory;
mod survey;
mod visit;
mod witness;

pub(crate) use capture::{CapturedGraph, Capturing, capturing};
pub(crate) use copy::{ForeignMemory, enqueue_from_device, enqueue_from_host, synchronize};
pub(crate) use device::Device;
pub(crate) use error::{DriverError, leave_invalid_value};
pub(crate) use event::Event;
pub(crate) use host_memory::CudaHostRegistration;
pub(crate) use in_flight::{Hold, InFlight};
pub(crate) use lent::{free_behind_everything, free_when_unused};
pub(crate) use lost::{Loss, loss_of};
pub(crate) use memory::{DeviceMemory, Fence, allocate_slice};
pub use survey::CountedDevice;
pub(crate) use survey::devices;
pub(crate) use visit::Visit;
pub(crate) use witness::note;
