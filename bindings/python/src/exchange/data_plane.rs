//! The data plane's end.

use pyo3::prelude::*;
use zenoh_pinned_exchange::{Action, ActionError, DataPlane, Observation, Reservoir};

use super::{
    end::End,
    errors,
    memory::{Target, record_of},
    metric,
    readers::server_of,
};

/// The native part of `zenoh_pinned.exchange.DataPlane`.
#[pyclass(frozen, subclass, module = "zenoh_pinned._native")]
pub(crate) struct DataPlaneEnd(End<DataPlane>);

#[pymethods]
impl DataPlaneEnd {
    #[new]
    #[pyo3(signature = (name, *, mode = 0o600, reservoirs = false))]
    fn open(py: Python<'_>, name: &str, mode: u32, reservoirs: bool) -> PyResult<Self> {
        let builder = DataPlane::builder(name).mode(mode).reservoirs(reservoirs);
        let opened = py.detach(|| builder.create());
        opened
            .map(|data_plane| Self(End::new(data_plane)))
            .map_err(errors::create)
    }

    fn _write_observation(&self, buffer: &Bound<'_, PyAny>) -> PyResult<u64> {
        let mut record: Observation = record_of(buffer, "OBSERVATION")?;
        let written = self.0.call(|end| end.write_observation(&mut record))?;
        written.map_err(errors::write)
    }

    fn _read_action(&self, buffer: &Bound<'_, PyAny>) -> PyResult<bool> {
        let target = Target::of::<Action>(buffer, "ACTION")?;
        let read = self
            .0
            .call(|end| end.read_action().map(Option::<&_>::copied))?;
        let read = match read {
            Ok(action) => Ok(action),
            Err(ActionError::Refused(fault)) => return Err(errors::refused(fault)),
            Err(ActionError::Read(error)) => Err(error),
            Err(other) => return Err(errors::value(other.to_string())),
        };
        let action = self.0.counted(read)?;
        if let Some(action) = &action {
            target.fill(action);
        }
        Ok(action.is_some())
    }

    fn _write_reservoir(
        &self,
        server: i64,
        metric: &str,
        buffer: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (server, metric) = (server_of(server)?, self::metric(metric)?);
        let record: Reservoir = record_of(buffer, "RESERVOIR")?;
        let written = self
            .0
            .call(|end| end.write_reservoir(server, metric, &record))?;
        match written.map_err(errors::write)? {
            true => Ok(()),
            false => Err(errors::value(String::from(
                "the region has no reservoirs: make it with reservoirs=True",
            ))),
        }
    }

    /// How many data planes the region has had, this one included.
    #[getter]
    fn incarnation(&self) -> PyResult<u64> {
        self.0.call(|end| end.incarnation())
    }

    /// How often there was a newer action, and the agent wrote over it at every try.
    #[getter]
    fn overruns(&self) -> u64 {
        self.0.overruns()
    }

    /// The agent's process; `None` while there is none. A system call.
    #[getter]
    fn other_side(&self) -> PyResult<Option<u32>> {
        self.0.check_process()?;
        self.0.call(|end| end.agent())
    }

    /// Close this end; a second call does nothing. Whoever closes last takes the region's name away.
    fn close(&self) {
        self.0.close();
    }
}
