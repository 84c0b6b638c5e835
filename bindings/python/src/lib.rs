//! The native part of the Python package `zenoh_pinned`.
//!
//! Holds, each floor on those before it:
//! - elements and shapes (`element`, `shape`, `sizes`), errors in Python's words (`errors`, `reason`, `words`), and what
//!   this library does in its process and with NumPy (`process`, `open`, `signals`, `unraisable`, `log`, `panics`,
//!   `numpy`);
//! - which device is meant, and its pinner (`target`, `pinners`); views, of other libraries and for them (`view`);
//! - frames and slots, and the pools of slots (`frame`, `slot`, `pool`);
//! - copies to devices (`device`), and arrays and tensors of other libraries in slots (`tensor`);
//! - sessions, publishers and subscribers (`zenoh`), and beside them the pinned outputs of a dora node (`dora`);
//! - on top of them pools of workers (`workers`) and models (`models`).
//!
//! The exchange (`exchange`) stands by itself, on errors and buffers alone, and so does the command `zenoh-pinned` (`command`).
//!
//! The package in `python/` is what users see. It adds `with` statements, `asyncio`, and arrays that are lent.
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

#![allow(
    rustdoc::invalid_rust_codeblocks,
    reason = "what Python sees is documented for it, with examples in Python"
)]

mod command;
mod device;
mod dora;
mod element;
mod errors;
mod exchange;
mod frame;
mod log;
mod models;
mod numpy;
mod open;
mod panics;
mod pinners;
mod pool;
mod process;
mod reason;
mod shape;
mod signals;
mod sizes;
mod slot;
mod target;
mod tensor;
mod unraisable;
mod view;
mod words;
mod workers;
mod zenoh;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    use super::{
        Bound, PyModule, PyModuleMethods, PyResult, errors, frame::exporter, log, panics,
        view::lending,
    };

    #[pymodule_export]
    use super::{
        command::run_command,
        device::{
            buffer::DeviceBuffer,
            copy::{copy_into, frame, open_device, to_device},
        },
        dora::{OutputReport, Outputs, Report},
        element::numpy_dtype,
        exchange::{AgentEnd, DataPlaneEnd, ObserverEnd, feature_names},
        frame::{Frame, class::set_frame_class},
        log::end_traces,
        models::{ModelServer, Models, Registry, Weights},
        pool::{Pool, PoolStatistics},
        reason::Reason,
        slot::{Shown, Slot},
        tensor::tensor_frame,
        unraisable::tell_unraisable,
        workers::{Batch, Bell, Events, Payload, PendingAnswer, Worker, Workers, WorkersClient},
        zenoh::{LineFromPublisher, LineToSubscriber, Publisher, Session, Subscriber, recv_any},
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        panics::in_one_line();
        log::start(module)?;
        errors::register(module)?;
        module.add("Exporter", exporter::class(module.py())?)?;
        module.add("Lending", lending::class(module.py())?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
