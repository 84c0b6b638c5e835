//! The library's log, quiet unless `RUST_LOG` asks for it, and traces of frames, where `ZENOH_PINNED_TRACES` does.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use pyo3::{prelude::*, types::PyModule};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};
use zenoh_pinned::bindings::MadeHere;
use zenoh_pinned_observe::Traces;

use crate::words;

/// What sends spans, and the process that has its thread.
static TRACES: Mutex<Option<(Traces, MadeHere)>> = Mutex::new(None);

/// Prints warnings of this library to standard error, and whatever else `RUST_LOG` names; sends traces until the
/// interpreter ends.
pub(crate) fn start(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new(
            "off,zenoh_pinned=warn,zenoh_pinned_node=warn,zenoh_pinned_observe=warn,zenoh_pinned_workers=warn,_native=warn",
        )
    });
    let printed = tracing_subscriber::fmt::layer()
        .with_writer(|| InPython)
        .with_ansi(false)
        .with_filter(filter);
    let traced = Traces::from_environment().map(|builder| builder.layer());
    let (traces, layer, error) = match traced {
        Some(Ok((traces, layer))) => (Some(traces), Some(layer), None),
        Some(Err(error)) => (None, None, Some(error)),
        None => (None, None, None),
    };
    // Another extension of the process may have set one.
    let subscriber = tracing_subscriber::registry().with(printed).with(layer);
    let is_ours = subscriber.try_init().is_ok();
    if let Some(error) = error {
        tracing::warn!("frames are not traced (ZENOH_PINNED_TRACES): {error}");
    }
    if let Some(traces) = traces.filter(|_| is_ours) {
        *TRACES.lock().unwrap_or_else(PoisonError::into_inner) = Some((traces, MadeHere::now()));
        let end = module.getattr("end_traces")?;
        let at_exit = module.py().import("atexit")?;
        at_exit.call_method1("register", (end,))?;
    }
    Ok(())
}

/// Sends what is left of traces. In a forked child they are the parent's.
#[pyfunction]
pub(crate) fn end_traces(py: Python<'_>) {
    let traces = TRACES.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((traces, made_here)) = traces {
        match made_here.holds() {
            true => py.detach(|| drop(traces)),
            false => std::mem::forget(traces),
        }
    }
}

/// Standard error, in Python's words. Each line is written at once.
struct InPython;

impl Write for InPython {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let words = words::in_python(&String::from_utf8_lossy(line));
        io::stderr().write_all(words.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
