//! The way to a server of models.

use std::path::PathBuf;

use pyo3::prelude::*;
use zenoh_pinned_models as models;

use super::{errors, weights::Weights};
use crate::{signals, sizes::seconds};

/// The native part of the calls of `zenoh_pinned.models`.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Models(models::Models);

#[pymethods]
impl Models {
    #[new]
    fn new(server: &str, patience: f64, compare: bool, fall_back: bool) -> PyResult<Self> {
        let models = models::Models::builder()
            .server(server)
            .patience(seconds(patience)?)
            .compares(compare)
            .falls_back(fall_back);
        Ok(Self(models.build()))
    }

    fn attach(&self, py: Python<'_>, model: &str, source: Option<PathBuf>) -> PyResult<Weights> {
        let weights = signals::interruptible(py, || match source {
            Some(source) => self.0.attach_from(model, source),
            None => self.0.attach(model),
        });
        Ok(Weights::new(
            weights?.map_err(|error| errors::load(&error))?,
        ))
    }

    fn unload(&self, py: Python<'_>, model: &str) -> PyResult<usize> {
        let unloaded = signals::interruptible(py, || self.0.unload(model))?;
        unloaded.map_err(|error| errors::unload(&error))
    }

    /// As JSON.
    fn statistics(&self, py: Python<'_>) -> PyResult<String> {
        let statistics = signals::interruptible(py, || self.0.statistics())?;
        let statistics = statistics.map_err(|error| errors::load(&error))?;
        Ok(serde_json::to_string(&statistics).unwrap_or_default())
    }
}
