#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

// The modules form floors, with no circle between any two; from bottom to top:
// element, os, shards, manifest, error / formats / weights, loading / registry / messages / serving, client / source.
// Beside them inference / control, and on top of both offering.
mod client;
#[cfg(feature = "control")]
pub mod control;
mod element;
mod error;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod formats;
#[cfg(not(feature = "internals"))]
#[allow(dead_code, unused_imports, reason = "what only fuzzing and tests call")]
mod formats;
#[cfg(feature = "control")]
pub mod inference;
mod loading;
mod manifest;
mod messages;
#[cfg(feature = "control")]
pub mod offering;
mod os;
mod registry;
mod serving;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod shards;
#[cfg(not(feature = "internals"))]
mod shards;
mod source;
mod weights;

use zenoh_pinned::bindings::PerProcess;

pub use client::{Models, ModelsBuilder};
pub use element::ElementType;
pub use error::{CapacityError, Changed, DeviceError, Holder, LoadError, UnloadError};
pub use manifest::{Port, TensorInfo};
pub use registry::{ModelState, ModelStatistics, Registry, RegistryBuilder, RegistryStatistics};
pub use serving::{ModelServer, ServeError};
pub use weights::{DeviceTensor, DeviceWeights, InProcessReason, Weights};

/// A lease on a model of the server named `default`: [`Models::attach`] with the defaults. The first call of a process
/// keeps what it learns for the next ones.
///
/// ```no_run
/// let ocr = zenoh_pinned_models::attach("ocr")?;
/// let kernel = ocr.tensor("conv1").ok_or("no such tensor")??;
/// println!("{:?} of {:?}", kernel.shape(), kernel.element());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`LoadError`].
pub fn attach(model: &str) -> Result<Weights, LoadError> {
    static MODELS: PerProcess<Models> = PerProcess::new(|| Models::builder().build());
    MODELS.attach(model)
}
