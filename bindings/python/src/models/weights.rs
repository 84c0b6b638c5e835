//! A lease on a model's weights.

use std::sync::Arc;

use pyo3::{exceptions::PyKeyError, prelude::*};
use zenoh_pinned_models as models;

use super::errors;
use crate::{
    device::buffer::DeviceBuffer,
    element::{Element, UINT8},
    errors as of_this_package,
    frame::Frame,
    pinners,
    process::MadeIn,
    signals,
    target::{Target, Wish},
    words,
};

/// The native part of `zenoh_pinned.models.Weights`.
#[pyclass(frozen, module = "zenoh_pinned._native", name = "ModelWeights")]
pub(crate) struct Weights {
    weights: models::Weights,
    made_in: MadeIn,
}

impl Weights {
    pub(super) fn new(weights: models::Weights) -> Self {
        Self {
            weights,
            made_in: MadeIn::this_process(),
        }
    }

    /// Bytes of the weights, which keep the lease.
    fn frame(&self, bytes: zenoh_pinned::Frame, info: (&str, Vec<usize>)) -> PyResult<Frame> {
        let element = match Element::of_name(info.0) {
            Some(element) => element,
            None => &UINT8,
        };
        let kept = Kept {
            bytes,
            _lease: self.weights.clone(),
        };
        let frame = zenoh_pinned::Frame::from_owner(kept, &pinners::get(Target::Host));
        let frame = frame.map_err(of_this_package::frame)?;
        Ok(Frame::shared(
            Arc::new(frame),
            Target::Host,
            element,
            info.1,
        ))
    }
}

/// A part of a shard, and the lease on it.
struct Kept {
    bytes: zenoh_pinned::Frame,
    _lease: models::Weights,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[pymethods]
impl Weights {
    #[getter]
    fn model(&self) -> &str {
        self.weights.model()
    }

    /// For each tensor: its name, its type, its shape, its shard, and where in that it lies.
    fn places(&self) -> Vec<PlaceTuple<'_>> {
        let tensors = self.weights.tensors().iter().map(|tensor| {
            let (shard, offset) = tensor.place();
            (
                tensor.name(),
                tensor.element().name(),
                tensor.shape().to_vec(),
                shard,
                offset,
                tensor.bytes(),
            )
        });
        tensors.collect()
    }

    fn tensor(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        self.made_in.check()?;
        let absent = || PyKeyError::new_err(name.to_owned());
        let tensor = self.weights.tensor(name).ok_or_else(absent)?;
        let tensor = tensor.map_err(|error| of_this_package::connection(&error))?;
        let info = (tensor.element().name(), tensor.shape().to_vec());
        self.frame(tensor.into_frame(), info)?.into_object(py)
    }

    fn shard(&self, py: Python<'_>, number: usize) -> PyResult<Py<PyAny>> {
        self.made_in.check()?;
        let absent = || PyKeyError::new_err(number);
        let shard = self.weights.shards().get(number).ok_or_else(absent)?;
        let bytes = shard.part(0..shard.len()).ok_or_else(absent)?;
        let shape = vec![bytes.len()];
        self.frame(bytes, ("uint8", shape))?.into_object(py)
    }

    fn graph(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.made_in.check()?;
        let Some(bytes) = self.weights.graph() else {
            return Ok(None);
        };
        let shape = vec![bytes.len()];
        Ok(Some(self.frame(bytes, ("uint8", shape))?.into_object(py)?))
    }

    #[getter]
    fn nbytes(&self) -> u64 {
        self.weights.bytes()
    }

    #[getter]
    fn shards(&self) -> usize {
        self.weights.shards().len()
    }

    #[getter]
    fn metadata(&self) -> std::collections::BTreeMap<String, String> {
        self.weights.metadata().clone()
    }

    /// For each: its name, its type, its shape.
    #[getter]
    fn ports(&self) -> (Vec<PortTuple>, Vec<PortTuple>) {
        let ports = |ports: &[models::Port]| ports.iter().map(port).collect();
        (ports(self.weights.inputs()), ports(self.weights.outputs()))
    }

    #[getter]
    fn reason(&self) -> Option<String> {
        let reason = self.weights.reason()?;
        Some(words::in_python(&reason.to_string()))
    }

    fn first_changed_shard(&self, py: Python<'_>) -> Option<usize> {
        py.detach(|| self.weights.first_changed_shard())
    }

    /// Each shard in memory of a device.
    fn to_device(&self, py: Python<'_>, device: &Bound<'_, PyAny>) -> PyResult<Vec<DeviceBuffer>> {
        self.made_in.check()?;
        let wish = Wish::of(Some(device))?;
        let (copied, pinner) = signals::interruptible(py, || {
            let pinner = pinners::get(pinners::target_of(wish));
            (self.weights.copy_to_device(&pinner), pinner)
        })?;
        let shards = copied.map_err(errors::device)?.into_shards();
        let shards = shards.into_iter().map(|shard| {
            let shape = vec![shard.len()];
            DeviceBuffer::new(shard, pinner.clone(), (&UINT8, shape))
        });
        Ok(shards.collect())
    }
}

type PlaceTuple<'a> = (&'a str, &'a str, Vec<usize>, usize, u64, u64);
type PortTuple = (String, Option<String>, Option<Vec<Option<u64>>>);

fn port(port: &models::Port) -> PortTuple {
    (port.name.clone(), port.element.clone(), port.shape.clone())
}
