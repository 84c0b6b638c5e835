//! The ends that read observations: the agent's, and those that only look.

use pyo3::{exceptions::PyOverflowError, prelude::*};
use zenoh_pinned_exchange::{
    Action, Agent, Message, Metric, Observation, Observer, ReadError, Reservoir, SERVERS, Stamp,
};

use super::{end::End, errors, memory::Target, metric, weights::weights_of};

/// The native part of `zenoh_pinned.exchange.Exchange`.
#[pyclass(frozen, subclass, module = "zenoh_pinned._native")]
pub(crate) struct AgentEnd(End<Agent>);

/// The native part of `zenoh_pinned.exchange.Observer`.
#[pyclass(frozen, subclass, module = "zenoh_pinned._native")]
pub(crate) struct ObserverEnd(End<Observer>);

/// What both can.
pub(super) trait Reads {
    fn observation(&mut self, record: &mut Observation) -> Result<Option<Stamp>, ReadError>;

    fn reservoir(
        &mut self,
        server: usize,
        metric: Metric,
    ) -> Result<Option<Message<Reservoir>>, ReadError>;
}

impl Reads for Agent {
    #[inline]
    fn observation(&mut self, record: &mut Observation) -> Result<Option<Stamp>, ReadError> {
        self.read_observation_into(record)
    }

    fn reservoir(
        &mut self,
        server: usize,
        metric: Metric,
    ) -> Result<Option<Message<Reservoir>>, ReadError> {
        self.read_reservoir(server, metric)
    }
}

impl Reads for Observer {
    #[inline]
    fn observation(&mut self, record: &mut Observation) -> Result<Option<Stamp>, ReadError> {
        self.read_observation_into(record)
    }

    fn reservoir(
        &mut self,
        server: usize,
        metric: Metric,
    ) -> Result<Option<Message<Reservoir>>, ReadError> {
        self.read_reservoir(server, metric)
    }
}

impl<T: Reads> End<T> {
    fn read_observation(&self, buffer: &Bound<'_, PyAny>) -> PyResult<Option<Stamp>> {
        let target = Target::of::<Observation>(buffer, "OBSERVATION")?;
        let mut record = Observation::default();
        let read = self.call(|end| end.observation(&mut record))?;
        let stamp = self.counted(read)?;
        if stamp.is_some() {
            target.fill(&record);
        }
        Ok(stamp)
    }

    fn read_reservoir(&self, server: i64, name: &str, buffer: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (server, metric) = (server_of(server)?, metric(name)?);
        let target = Target::of::<Reservoir>(buffer, "RESERVOIR")?;
        let read = self.call(|end| end.reservoir(server, metric))?;
        let message = self.counted(read)?;
        if let Some(message) = &message {
            target.fill(&message.record);
        }
        Ok(message.is_some())
    }
}

/// The number of a server that there can be.
pub(super) fn server_of(given: i64) -> PyResult<usize> {
    let server = usize::try_from(given)
        .ok()
        .filter(|server| *server < SERVERS);
    server.ok_or_else(|| {
        errors::value(format!(
            "there is no server {given}: they are 0 to {}",
            SERVERS - 1
        ))
    })
}

/// The number of an observation that there can be.
fn sequence_of(given: &Bound<'_, PyAny>) -> PyResult<u64> {
    given.extract().map_err(|error: PyErr| {
        match error.is_instance_of::<PyOverflowError>(given.py()) {
            true => errors::value(format!("sequence_id={given} is no observation's number")),
            false => error,
        }
    })
}

#[pymethods]
impl AgentEnd {
    #[new]
    fn open(py: Python<'_>, name: &str) -> PyResult<Self> {
        let opened = py.detach(|| Agent::attach(name));
        opened
            .map(|agent| Self(End::new(agent)))
            .map_err(errors::attach)
    }

    /// Copy the newest observation into `buffer` and return its number, or `None` where it has been read.
    ///
    /// `buffer` is an array of one `OBSERVATION`, or anything writable of as many bytes; where `None` comes back
    /// it is as it was. For hot loops: nothing else is made.
    fn read_into(&self, buffer: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
        Ok(self.0.read_observation(buffer)?.map(|stamp| stamp.sequence))
    }

    /// The same, but return how many were missed.
    fn _read_observation(&self, buffer: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
        Ok(self.0.read_observation(buffer)?.map(|stamp| stamp.missed))
    }

    fn _read_reservoir(
        &self,
        server: i64,
        metric: &str,
        buffer: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        self.0.read_reservoir(server, metric, buffer)
    }

    /// Answer an observation with the weights of the servers 0, 1 and so on.
    ///
    /// `sequence_id` is the observation's. `weights` is a sequence of numbers or an array of any type, of which
    /// the first `num_servers` are taken, or all. They need not add up to 1. Servers that took no flows in the
    /// observation that was read last get none, whatever their weight is. The table for picks in constant time
    /// is made here.
    ///
    /// Raise ``ValueError`` where a weight is negative or no finite number, no server would get flows, there are
    /// more than 64, or nothing has been read yet that could be answered.
    #[pyo3(signature = (sequence_id, weights, num_servers = None))]
    fn write_action(
        &self,
        sequence_id: &Bound<'_, PyAny>,
        weights: &Bound<'_, PyAny>,
        num_servers: Option<i64>,
    ) -> PyResult<()> {
        let sequence_id = sequence_of(sequence_id)?;
        let weights = weights_of(weights, num_servers)?;
        let written = self.0.call(|end| end.write_action(sequence_id, &weights))?;
        written.map_err(errors::write_action)
    }

    /// How often there was a newer observation, and the writer wrote over it at every try.
    ///
    /// Such a read gives `None` as if there were nothing new: the next one gets a newer one, and says what was
    /// missed.
    #[getter]
    fn overruns(&self) -> u64 {
        self.0.overruns()
    }

    /// The data plane's process; `None` while there is none. A system call.
    #[getter]
    fn other_side(&self) -> PyResult<Option<u32>> {
        self.0.check_process()?;
        self.0.call(|end| end.data_plane())
    }

    /// Close this end; a second call does nothing. Whoever closes last takes the region's name away.
    fn close(&self) {
        self.0.close();
    }
}

#[pymethods]
impl ObserverEnd {
    #[new]
    fn open(py: Python<'_>, name: &str) -> PyResult<Self> {
        let opened = py.detach(|| Observer::attach(name));
        opened
            .map(|observer| Self(End::new(observer)))
            .map_err(errors::attach)
    }

    /// Copy the newest observation into `buffer` and return its number, or `None` where it has been read.
    ///
    /// `buffer` is an array of one `OBSERVATION`, or anything writable of as many bytes; where `None` comes back
    /// it is as it was. For hot loops: nothing else is made.
    fn read_into(&self, buffer: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
        Ok(self.0.read_observation(buffer)?.map(|stamp| stamp.sequence))
    }

    /// The same, but return how many were missed.
    fn _read_observation(&self, buffer: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
        Ok(self.0.read_observation(buffer)?.map(|stamp| stamp.missed))
    }

    fn _read_reservoir(
        &self,
        server: i64,
        metric: &str,
        buffer: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        self.0.read_reservoir(server, metric, buffer)
    }

    fn _read_action(&self, buffer: &Bound<'_, PyAny>) -> PyResult<bool> {
        let target = Target::of::<Action>(buffer, "ACTION")?;
        let read = self.0.call(Observer::read_action)?;
        let message = self.0.counted(read)?;
        if let Some(message) = &message {
            target.fill(&message.record);
        }
        Ok(message.is_some())
    }

    /// How often there was a newer message, and the writer wrote over it at every try.
    ///
    /// Such a read gives `None` as if there were nothing new: the next one gets a newer one, and says what was
    /// missed.
    #[getter]
    fn overruns(&self) -> u64 {
        self.0.overruns()
    }

    /// The data plane's process; `None` while there is none. A system call.
    #[getter]
    fn data_plane(&self) -> PyResult<Option<u32>> {
        self.0.check_process()?;
        self.0.call(|end| end.data_plane())
    }

    /// The agent's process; `None` while there is none. A system call.
    #[getter]
    fn agent(&self) -> PyResult<Option<u32>> {
        self.0.check_process()?;
        self.0.call(|end| end.agent())
    }

    /// Close this end; a second call does nothing.
    fn close(&self) {
        self.0.close();
    }
}
