//! The native part of the Python package `zenoh_pinned`.
//!
//! Holds: sessions, pools, publishers and subscribers (`zenoh`), frames and slots with their views (`frame`,
//! `slot`, `view`), devices (`device`), and the pinned outputs of a dora node (`dora`). The package in
//! `python/` is what users see; it adds context managers, `asyncio` and documentation.
//!
//! Who may write what: a slot's bytes belong to Python from its allocation until it is sent, and to nobody
//! afterwards; frames are read-only always.
//!
//! Locks: no lock is taken with the interpreter attached that is held by somebody who waits for it. Whatever
//! waits or copies detaches from the interpreter.
//!
//! Invariants:
//! - A view keeps its memory, whatever else is deleted first.
//! - Devices' pinners live as long as the process; what else waits when it goes does so detached, and not at
//!   all in a forked child.
//! - Objects belong to the process that made them; in a forked child they refuse.

mod classes;
mod device;
mod dora;
mod element;
mod errors;
mod frame;
mod log;
mod panics;
mod process;
mod reason;
mod shape;
mod signals;
mod sizes;
mod slot;
mod view;
mod words;
mod zenoh;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    use super::{Bound, PyModule, PyModuleMethods, PyResult, errors, log, panics, view};

    #[pymodule_export]
    use super::{
        classes::set_frame_class,
        device::{
            buffer::DeviceBuffer,
            copy::{copy_into, frame, open_device, to_device},
        },
        dora::{OutputReport, Outputs, Report},
        element::numpy_dtype,
        frame::Frame,
        reason::Reason,
        slot::{Shown, Slot},
        zenoh::{Pool, PoolStatistics, Publisher, Session, Subscriber},
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        panics::in_one_line();
        log::start();
        errors::register(module)?;
        module.add("Exporter", view::exporter::class(module.py())?)?;
        module.add("Lending", view::lending::class(module.py())?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
