//! A registry of this process, and its server.

use std::{path::PathBuf, time::Duration};

use pyo3::prelude::*;
use zenoh_pinned_models as models;

use super::{errors, weights::Weights};
use crate::{open::Open, signals, sizes::seconds};

/// The native part of `zenoh_pinned.models.Registry`.
#[pyclass(frozen, module = "zenoh_pinned._native", name = "ModelRegistry")]
pub(crate) struct Registry {
    registry: Open<models::Registry>,
}

#[pymethods]
impl Registry {
    #[new]
    fn new(
        max_bytes: Option<u64>,
        session_bytes: Option<u64>,
        shard_bytes: u64,
        time_to_live: f64,
        patience: f64,
    ) -> PyResult<Self> {
        let mut builder = models::Registry::builder()
            .shard_bytes(shard_bytes)
            .time_to_live(seconds(time_to_live)?)
            .patience(seconds(patience)?.min(Duration::from_secs(1 << 20)));
        if let Some(bytes) = max_bytes {
            builder = builder.max_bytes(bytes);
        }
        if let Some(bytes) = session_bytes {
            builder = builder.session_bytes(bytes);
        }
        let registry = Open::new(builder.build(), "the registry is closed: make another one");
        Ok(Self { registry })
    }

    fn add_source(&self, model: &str, source: PathBuf) -> PyResult<()> {
        self.registry.get()?.add_source(model, source);
        Ok(())
    }

    fn load(&self, py: Python<'_>, model: &str, source: Option<PathBuf>) -> PyResult<Weights> {
        let registry = self.registry.get()?;
        let weights = signals::interruptible(py, || match source {
            Some(source) => registry.load(model, source),
            None => registry.lease(model),
        });
        Ok(Weights::new(
            weights?.map_err(|error| errors::load(&error))?,
        ))
    }

    fn unload(&self, model: &str) -> PyResult<usize> {
        let unloaded = self.registry.get()?.unload(model);
        unloaded.map_err(|error| errors::unload(&error))
    }

    /// As JSON.
    fn statistics(&self) -> PyResult<String> {
        let statistics = self.registry.get()?.statistics();
        Ok(serde_json::to_string(&statistics).unwrap_or_default())
    }

    fn close(&self, py: Python<'_>) {
        let registry = self.registry.take();
        py.detach(|| drop(registry));
    }
}

/// The native part of `zenoh_pinned.models.Server`.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct ModelServer {
    server: Open<std::sync::Arc<models::ModelServer>>,
}

#[pymethods]
impl ModelServer {
    #[new]
    fn new(registry: &Registry, name: &str) -> PyResult<Self> {
        let registry = registry.registry.get()?;
        let server = models::ModelServer::serve(&registry, name);
        let server = server.map_err(|error| errors::serve(&error))?;
        let server = Open::new(
            std::sync::Arc::new(server),
            "the server is closed: make another one",
        );
        Ok(Self { server })
    }

    #[getter]
    fn place(&self) -> PyResult<String> {
        Ok(self.server.get()?.place())
    }

    fn close(&self, py: Python<'_>) {
        let server = self.server.take();
        py.detach(|| drop(server));
    }
}
