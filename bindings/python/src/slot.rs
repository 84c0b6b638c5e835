//! Slots: memory of a pool, or of whoever wants an answer there, while Python writes it and for as long as Python sees it.
//!
//! Who may write what: Python, through views, while the slot is being written; nobody once it has been sent.
//!
//! Locks: one mutex around a slot's state, held for a few assignments, never while Python runs.
//!
//! Invariant: memory that a view shows stays, whatever has become of the slot.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyDict,
};
use zenoh::bytes::ZBytes;
use zenoh_pinned::bindings::KeptPayload;
use zenoh_pinned_node::{bindings::SentMemory, dora::OutputSlot};
use zenoh_pinned_workers::{AnswerSlot, Payload};

use crate::{element::Element, process::MadeIn, sizes::tuple, view::array_interface};

/// The memory behind `zenoh_pinned.Writing`. Nobody else has this object: users get arrays that show the memory.
///
/// It has no buffer: `numpy.ndarray(buffer=slot)` would release that at once, so that it could not be counted, and write
/// on.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Slot {
    state: Mutex<State>,
    /// Of the first byte; the same for as long as the state keeps memory.
    address: usize,
    element: &'static Element,
    shape: Vec<usize>,
    made_in: MadeIn,
}

struct State {
    memory: Memory,
    /// Objects that show the memory.
    views: usize,
}

pub(crate) enum Memory {
    /// Of a pool of the application.
    Pool(zenoh_pinned::Slot),
    /// Of a dora node's output.
    Output(Box<OutputSlot>),
    /// Of whoever has asked a worker.
    Answer(AnswerSlot<'static>),
    /// Sent, or given up; shown by a view that keeps it.
    Shown(Keeper),
    Gone,
}

/// What keeps the memory of views.
pub(crate) enum Keeper {
    Sent(KeptPayload),
    SentOutput(#[expect(dead_code, reason = "it keeps the memory")] SentMemory),
    /// Of a request or an answer.
    Payload(#[expect(dead_code, reason = "it keeps the memory")] Payload),
    Unsent(#[expect(dead_code, reason = "it keeps the memory")] Box<Memory>),
}

/// Shows a slot to NumPy, whose array keeps this. It has no buffer: NumPy would ask that whether the array may be made
/// writable again.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Shown {
    slot: Py<Slot>,
}

impl Slot {
    pub(crate) fn of_pool(
        mut slot: zenoh_pinned::Slot,
        element: &'static Element,
        shape: Vec<usize>,
    ) -> Self {
        let address = slot.as_mut_ptr() as usize;
        Self::new(Memory::Pool(slot), address, element, shape)
    }

    pub(crate) fn of_output(
        mut slot: OutputSlot,
        element: &'static Element,
        shape: Vec<usize>,
    ) -> Self {
        let address = slot.as_mut_ptr() as usize;
        let memory = Memory::Output(Box::new(slot));
        Self::new(memory, address, element, shape)
    }

    pub(crate) fn of_answer(
        mut slot: AnswerSlot<'static>,
        element: &'static Element,
        shape: Vec<usize>,
    ) -> Self {
        let address = slot.as_mut_ptr() as usize;
        Self::new(Memory::Answer(slot), address, element, shape)
    }

    fn new(memory: Memory, address: usize, element: &'static Element, shape: Vec<usize>) -> Self {
        Self {
            state: Mutex::new(State { memory, views: 0 }),
            address,
            element,
            shape,
            made_in: MadeIn::this_process(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two of its assignments.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one view less. The last one takes the memory of a slot that has been sent with it.
    fn shown_no_more(&self) {
        if self.made_in.check().is_err() {
            return;
        }
        let mut state = self.state();
        state.views = state.views.saturating_sub(1);
        let gone = match (&state.memory, state.views) {
            (Memory::Shown(_), 0) => std::mem::replace(&mut state.memory, Memory::Gone),
            _ => Memory::Gone,
        };
        drop(state);
        drop(gone);
    }

    /// The memory, to be sent. The caller has made sure that nobody writes through views any more.
    ///
    /// # Errors
    /// `ValueError` where it has been sent or released, `RuntimeError` in a forked child.
    pub(crate) fn take(&self) -> PyResult<Memory> {
        self.made_in.check()?;
        self.unsent().ok_or_else(used_up)
    }

    /// The memory of a pool.
    ///
    /// # Errors
    /// As `take`; `TypeError` where it is no pool's.
    pub(crate) fn take_of_pool(&self) -> PyResult<zenoh_pinned::Slot> {
        match self.take()? {
            Memory::Pool(slot) => Ok(slot),
            other => Err(self.refused(
                other,
                "this slot is for an output of a dora node, or for an answer: send it there",
            )),
        }
    }

    /// The memory of a pool, for somebody else to write.
    ///
    /// # Errors
    /// `ValueError` where it is anything but a pool's that nobody has written, `RuntimeError` in a forked child.
    pub(crate) fn take_unwritten(&self) -> PyResult<zenoh_pinned::Slot> {
        self.made_in.check()?;
        let mut state = self.state();
        match std::mem::replace(&mut state.memory, Memory::Gone) {
            Memory::Pool(slot) if state.views == 0 => Ok(slot),
            other => {
                state.memory = other;
                Err(PyValueError::new_err(
                    "an answer is written into a slot that is neither written nor sent: allocate another one",
                ))
            }
        }
    }

    /// The memory of an answer.
    ///
    /// # Errors
    /// As `take`; `TypeError` where it is for something else.
    pub(crate) fn take_of_answer(&self) -> PyResult<AnswerSlot<'static>> {
        match self.take()? {
            Memory::Answer(slot) => Ok(slot),
            other => Err(self.refused(other, "this slot is for no answer: send it where it is of")),
        }
    }

    /// Keeps memory that was taken for what it is not for.
    fn refused(&self, memory: Memory, why: &'static str) -> PyErr {
        self.keep_for_views(Keeper::Unsent(Box::new(memory)));
        PyTypeError::new_err(why)
    }

    /// The memory; `None` where it has been sent or released.
    fn unsent(&self) -> Option<Memory> {
        let memory = &mut self.state().memory;
        match memory {
            Memory::Shown(_) | Memory::Gone => None,
            _ => Some(std::mem::replace(memory, Memory::Gone)),
        }
    }

    /// What was published of a pool's slot, which views still show.
    pub(crate) fn sent(&self) -> Option<ZBytes> {
        self.made_in.check().ok()?;
        match &self.state().memory {
            Memory::Shown(Keeper::Sent(kept)) => Some(kept.payload()),
            _ => None,
        }
    }

    /// Gives the views, where there are any, what keeps the memory that was taken.
    pub(crate) fn keep_for_views(&self, keeper: Keeper) {
        let mut state = self.state();
        let needless = match state.views {
            0 => Some(keeper),
            _ => {
                state.memory = Memory::Shown(keeper);
                None
            }
        };
        drop(state);
        drop(needless);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.made_in.check().is_err() {
            // A forked child: the reference is the parent's.
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(std::mem::replace(&mut state.memory, Memory::Gone));
        }
    }
}

fn used_up() -> PyErr {
    PyValueError::new_err("the slot has been sent or released: allocate another one")
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.slot.get().shown_no_more();
    }
}

impl Shown {
    pub(crate) fn slot(&self) -> &Slot {
        self.slot.get()
    }
}

#[pymethods]
impl Shown {
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let slot = self.slot.get();
        array_interface::of(py, slot.element, &slot.shape, slot.address as u64, false)
    }
}

#[pymethods]
impl Slot {
    /// Return what NumPy makes a writable array of; it keeps the memory for as long as it exists.
    ///
    /// Raise ``ValueError`` where the slot has been sent or released.
    fn show(this: &Bound<'_, Self>) -> PyResult<Shown> {
        let slot = this.get();
        slot.made_in.check()?;
        let mut state = slot.state();
        match state.memory {
            Memory::Shown(_) | Memory::Gone => return Err(used_up()),
            _ => state.views += 1,
        }
        drop(state);
        Ok(Shown {
            slot: this.clone().unbind(),
        })
    }

    /// Give the slot back unsent, as soon as nothing shows it. One that was sent stays so.
    fn release(&self) {
        if self.made_in.check().is_ok()
            && let Some(memory) = self.unsent()
        {
            self.keep_for_views(Keeper::Unsent(Box::new(memory)));
        }
    }

    fn __repr__(&self) -> String {
        let what = match &self.state().memory {
            Memory::Shown(_) | Memory::Gone => "sent or released",
            _ => "being written",
        };
        format!(
            "<Slot {} {}, {what}>",
            self.element.name,
            tuple(&self.shape)
        )
    }
}
