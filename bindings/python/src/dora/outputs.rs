//! Pinned outputs of a node that the `dora-rs` wheel has made.
//!
//! Every call that may wait runs detached from the interpreter, and ends when a signal handler raises.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use dora_message::id::DataId;
use pyo3::{
    exceptions::{PyRuntimeError, PyTypeError, PyValueError},
    prelude::*,
    types::PyDict,
};
use zenoh_pinned_node::{
    bindings::{DetachedOutputs, Offered, describe_shape},
    dora::{Delivery, Pinned, PinnedOptions},
};

use super::{Report, clock::Clock, offer::Offer, parameters};
use crate::{
    element::Element,
    errors,
    process::MadeIn,
    signals,
    sizes::{Sizes, seconds},
    slot::{Keeper, Memory, Slot},
};

/// The native part of `zenoh_pinned.dora.Node`: its pinned outputs.
///
/// Locks: one, taken for reading while a message is sent and for writing while the outputs are closed, always with the
/// interpreter detached. The outputs have locks of their own, which no message holds while it waits for a slot.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Outputs {
    outputs: RwLock<State>,
    /// The package's function that makes an Arrow array of data that does not lie ready, by a copy.
    convert: Py<PyAny>,
    /// Messages of each output that took such a copy, or one because views outlived the block that wrote them. The
    /// lock is held for a few instructions only.
    copied: Mutex<BTreeMap<String, u64>>,
    clock: Clock,
    made_in: MadeIn,
}

/// The outputs, or what they had done when they were closed.
enum State {
    Open(Box<DetachedOutputs>),
    Closed(zenoh_pinned_node::dora::Report),
}

impl State {
    /// Closes the outputs, after what was sent has been delivered.
    fn close(&mut self) {
        let closed = Self::Closed(zenoh_pinned_node::dora::Report::default());
        *self = match std::mem::replace(self, closed) {
            Self::Open(outputs) => Self::Closed(outputs.close()),
            closed => closed,
        };
    }
}

/// How long and how a message waits for a slot.
fn options(timeout: Option<f64>, drop_when_full: Option<bool>) -> PyResult<PinnedOptions> {
    let options = PinnedOptions::from(Pinned);
    let options = match (timeout, drop_when_full) {
        (Some(timeout), _) => options.wait_at_most(seconds(timeout)?),
        (None, Some(false)) => options.wait_at_most(Duration::ZERO),
        (None, _) => options,
    };
    Ok(match drop_when_full {
        Some(true) => options.drop_when_full(),
        _ => options,
    })
}

impl Outputs {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.outputs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.outputs.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&DetachedOutputs) -> PyResult<T> + Send,
    ) -> PyResult<T> {
        self.made_in.check()?;
        if signals::is_handling() {
            return Err(PyRuntimeError::new_err(
                "a signal handler cannot send while the thread that it interrupts is sending: set a flag there, \
                 and send later",
            ));
        }
        signals::interruptible(py, || {
            let outputs = self.read();
            match &*outputs {
                State::Open(outputs) => work(outputs),
                State::Closed(_) => Err(PyRuntimeError::new_err("the node is closed")),
            }
        })?
    }
}

#[pymethods]
impl Outputs {
    /// Pinned outputs beside the node of this process, whose `dora` has the given version.
    #[new]
    fn new(py: Python<'_>, version: &str, convert: Py<PyAny>) -> Self {
        Self {
            convert,
            copied: Mutex::default(),
            outputs: RwLock::new(State::Open(Box::new(
                py.detach(|| DetachedOutputs::attach(version)),
            ))),
            clock: Clock::new(),
            made_in: MadeIn::this_process(),
        }
    }

    /// A slot to be written in place. `None`: ordinary memory does as well, or every slot is in use and the caller has
    /// not asked for a wait.
    fn allocate(
        &self,
        py: Python<'_>,
        output: String,
        shape: Sizes,
        dtype: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<Option<Slot>> {
        let element = Element::of_dtype(dtype)?;
        let kind = element.for_message()?;
        let shape = shape.exact()?;
        let output = id(&output)?;
        let wait = timeout.map(seconds).transpose()?;
        let slot = self.with(py, |outputs| {
            let slot = outputs.alloc(&output, &shape, kind, wait);
            slot.map_err(errors::send)
        })?;
        Ok(slot.map(|slot| Slot::of_output(slot, element, shape)))
    }

    /// Settles an output's path and makes its pool, for messages of up to so many bytes.
    fn prepare(
        &self,
        py: Python<'_>,
        output: String,
        bytes: usize,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let options = options(timeout, None)?;
        let output = id(&output)?;
        self.with(py, |outputs| {
            let prepared = outputs.prepare(&output, bytes, options);
            prepared.map_err(errors::send)
        })
    }

    /// Sends a slot that nobody writes any more.
    fn send_slot(
        &self,
        py: Python<'_>,
        slot: &Bound<'_, Slot>,
        metadata: Option<&Bound<'_, PyDict>>,
        observed_seconds: f64,
    ) -> PyResult<()> {
        let parameters = parameters::of_dict(metadata)?;
        let slot = slot.get();
        let memory = match slot.take()? {
            Memory::Output(memory) => *memory,
            other => {
                slot.keep_for_views(Keeper::Unsent(Box::new(other)));
                return Err(PyTypeError::new_err(
                    "this slot is of a pool: publish it there",
                ));
            }
        };
        let memory = memory.seal();
        // Before it is sent: the views stay what they are even if that fails.
        slot.keep_for_views(Keeper::SentOutput(memory.memory()));
        self.with(py, |outputs| {
            let time = || self.clock.after(observed_seconds);
            let sent = outputs.send_sealed(parameters, memory, time);
            sent.map_err(errors::send)
        })
    }

    /// Sends a message: an Arrow array, a buffer or a DLPack tensor on the host by one copy, by a further one what else
    /// an Arrow array can be made of. `is_copy`: it had been written in a slot, which cannot be sent.
    ///
    /// True: it has been sent or dropped. False: the node itself has to send it.
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of a message, from one caller"
    )]
    fn send(
        &self,
        py: Python<'_>,
        output: String,
        data: &Bound<'_, PyAny>,
        metadata: Option<&Bound<'_, PyDict>>,
        observed_seconds: f64,
        timeout: Option<f64>,
        drop_when_full: Option<bool>,
        is_copy: bool,
    ) -> PyResult<bool> {
        let mut parameters = parameters::of_dict(metadata)?;
        let options = options(timeout, drop_when_full)?;
        let offer = Offer::of(data, self.convert.bind(py))?;
        describe_shape(&offer.shape, &mut parameters);
        let is_copied = is_copy || offer.is_copy;
        let id = id(&output)?;
        let was_sent = self.with(py, |outputs| {
            let time = || self.clock.after(observed_seconds);
            let offered = outputs.send(&id, parameters, &offer.array, options, time);
            match offered.map_err(errors::send)? {
                Offered::Sent(Delivery::Ignored) | Offered::Refused(_) => Ok(Sent::ByTheNode),
                Offered::Sent(Delivery::Dropped) => Ok(Sent::Dropped),
                Offered::Sent(_) => Ok(Sent::Here),
            }
        })?;
        if is_copied && was_sent == Sent::Here {
            *self.copied().entry(output).or_default() += 1;
        }
        Ok(was_sent != Sent::ByTheNode)
    }

    /// Takes note that the node itself sends a message of an output, with metadata that it can send.
    fn leave_to_dora(
        &self,
        py: Python<'_>,
        output: String,
        metadata: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        parameters::check(metadata)?;
        let output = id(&output)?;
        self.with(py, |outputs| {
            let left = outputs.leave_to_dora(&output);
            left.map_err(errors::send)
        })
    }

    fn report(&self, py: Python<'_>) -> PyResult<Report> {
        self.made_in.check()?;
        let report = py.detach(|| match &*self.read() {
            State::Open(outputs) => outputs.report(),
            State::Closed(report) => report.clone(),
        });
        Report::of(py, report, &self.copied())
    }

    /// Waits until the consumers have everything, and closes the session.
    fn close(&self, py: Python<'_>) {
        if self.made_in.check().is_ok() {
            py.detach(|| self.write().close());
        }
    }
}

/// An output's id. dora's conversion from a string would panic where this is an error.
fn id(output: &str) -> PyResult<DataId> {
    let id = output.parse::<DataId>();
    id.map_err(|error| PyValueError::new_err(format!("'{output}' is no output's id: {error}")))
}

/// Who has sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Here,
    Dropped,
    /// The node itself has to.
    ByTheNode,
}

impl Outputs {
    fn copied(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.copied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        let closed = State::Closed(zenoh_pinned_node::dora::Report::default());
        let outputs = std::mem::replace(&mut *self.write(), closed);
        self.made_in.drop_here(outputs);
    }
}
