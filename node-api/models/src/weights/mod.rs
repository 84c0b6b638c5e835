//! Weights as whoever has a lease on them uses them: tensors by name, in memory that all processes of the host share.
//!
//! Holds: the frames of the shards, the table of what lies where, and the lease. The last clone that goes ends the lease.
//!
//! Who may write what: nobody. The memory is read-only in every process of this library but for the moments in which a driver
//! has it registered, and what another program writes there is found when the next lease begins.

mod contents;
mod on_device;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use zenoh_pinned::Frame;
use zenoh_pinned_node::tensor::{Tensor, TensorError};

pub(crate) use contents::Contents;
pub use on_device::{DeviceTensor, DeviceWeights};

use crate::manifest::{Port, TensorInfo};

/// A lease on a model's weights. Clones share it; it ends with the last one, and with the process. Usable from any thread.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("zpin-doc-weights-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("m.safetensors");
/// # let header = br#"{"scale":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
/// # let mut file = (header.len() as u64).to_le_bytes().to_vec();
/// # file.extend_from_slice(header);
/// # file.extend([1.0f32, 2.0].into_iter().flat_map(f32::to_le_bytes));
/// # std::fs::write(&path, file)?;
/// let registry = zenoh_pinned_models::Registry::builder().build();
/// let weights = registry.load("scales", &path)?;
/// let scale = weights.tensor("scale").ok_or("no such tensor")??;
/// assert_eq!(scale.as_slice::<f32>()?, [1.0, 2.0]);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Weights {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    contents: Arc<Contents>,
    reason: Option<InProcessReason>,
    // Behind the contents: a lease ends when nothing is read any more.
    _lease: Box<dyn std::any::Any + Send + Sync>,
}

/// Why weights are this process's own, and not those that all processes of the host share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum InProcessReason {
    /// This process asked its own registry for them.
    #[error("they were asked of this process's own registry")]
    OwnRegistry,
    /// Nobody serves models at the place where this process asks.
    #[error("no server of models answers at {place}: start one with `zenoh-pinned models serve`")]
    NoServer {
        /// The path of its socket.
        place: String,
    },
    /// This process cannot have the server's memory, as in a container with a `/dev/shm` of its own.
    #[error(
        "the memory of the server of models cannot be had here ({cause}): share its /dev/shm (docker run --ipc=host)"
    )]
    NotShared {
        /// What was found.
        cause: String,
    },
    /// The server has ended, or did not answer in time.
    #[error("the server of models does not answer ({cause}): it is asked again next time")]
    ServerGone {
        /// What was seen of it.
        cause: String,
    },
}

impl Weights {
    pub(crate) fn new(
        contents: Arc<Contents>,
        lease: impl std::any::Any + Send + Sync,
        reason: Option<InProcessReason>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                contents,
                reason,
                _lease: Box::new(lease),
            }),
        }
    }

    pub(crate) fn of(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(crate) fn contents(&self) -> &Arc<Contents> {
        &self.inner.contents
    }

    /// The model's name.
    pub fn model(&self) -> &str {
        &self.inner.contents.model
    }

    /// The tensor of this name, where it lies; `None` where the model has no such tensor.
    ///
    /// # Errors
    /// [`TensorError`]: its bytes do not lie as its elements need it, which no file that was loaded makes so.
    pub fn tensor(&self, name: &str) -> Option<Result<Tensor, TensorError>> {
        let contents = &self.inner.contents;
        let info = contents.manifest.tensor(name)?;
        let frame = contents.part(info.place)?;
        Some(Tensor::new(frame, info.element, info.shape.clone()))
    }

    /// What tensors there are, in the order of the file.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.inner.contents.manifest.tensors
    }

    /// The model's graph without its weights, for formats that have one: an ONNX model whose larger initializers are
    /// external data of these names.
    pub fn graph(&self) -> Option<Frame> {
        let contents = &self.inner.contents;
        contents.part(contents.manifest.graph?)
    }

    /// What the graph wants; nothing for formats without one.
    pub fn inputs(&self) -> &[Port] {
        &self.inner.contents.manifest.inputs
    }

    /// What the graph gives.
    pub fn outputs(&self) -> &[Port] {
        &self.inner.contents.manifest.outputs
    }

    /// What the file says about itself, in its own words.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.inner.contents.manifest.metadata
    }

    /// Bytes of all shards.
    pub fn bytes(&self) -> u64 {
        self.inner.contents.manifest.bytes()
    }

    /// The shards, each in a segment of its own.
    pub fn shards(&self) -> &[Frame] {
        &self.inner.contents.shards
    }

    /// Why this process has them for itself; `None` where all processes of the host share them.
    pub fn reason(&self) -> Option<&InProcessReason> {
        self.inner.reason.as_ref()
    }

    /// Reads all of it once and compares it with what was loaded: which shard has been changed since, if any.
    pub fn first_changed_shard(&self) -> Option<usize> {
        self.inner.contents.first_changed()
    }
}
