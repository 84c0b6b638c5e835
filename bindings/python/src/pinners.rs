//! The pinner of each device, for the life of the process.
//!
//! Who may write what: whoever first asks for a device makes its pinner; nobody takes one away in its process, so that no
//! garbage collection waits for copies or calls into a driver that is shutting down.
//!
//! Locks: one mutex around the table, held while a device is opened too, always with the interpreter
//! detached: the second thread that asks waits for the first.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pyo3::{exceptions::PyValueError, prelude::*};
use zenoh_pinned::{Pinner, PinnerBuilder, cudarc::driver::CudaStream};

use crate::{
    errors::{self, NoDevice},
    process::MadeIn,
    target::{Target, Wish},
    words,
};

#[derive(Clone)]
struct Opened {
    pinner: Pinner,
    /// The stream of copies whose caller names none.
    stream: Option<Arc<CudaStream>>,
}

struct Table {
    opened: BTreeMap<Target, Opened>,
    made_in: Option<MadeIn>,
}

static OPENED: Mutex<Table> = Mutex::new(Table {
    opened: BTreeMap::new(),
    made_in: None,
});

/// The table of this process: a forked child begins with an empty one, and its parent's pinners stay as they
/// are.
fn table() -> MutexGuard<'static, Table> {
    let mut table = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_inherited = table
        .made_in
        .is_some_and(|made_in| made_in.check().is_err());
    if is_inherited {
        std::mem::forget(std::mem::take(&mut table.opened));
        table.made_in = None;
    }
    table.made_in.get_or_insert_with(MadeIn::this_process);
    table
}

/// The pinner of a target, made where there is none yet. Detach the interpreter first.
pub(crate) fn get(target: Target) -> Pinner {
    let mut table = table();
    let opened = table.opened.entry(target).or_insert_with(|| {
        let builder = Pinner::builder();
        let builder = match target {
            Target::Host => builder,
            Target::Cuda(ordinal) => builder.device(ordinal),
        };
        Opened {
            pinner: builder.build(),
            stream: None,
        }
    });
    opened.pinner.clone()
}

/// Makes the pinner of a device as `configure` says.
///
/// # Errors
/// `ValueError`: it is in use already.
pub(crate) fn open_with(
    target: Target,
    configure: impl FnOnce(PinnerBuilder) -> PinnerBuilder,
) -> PyResult<Pinner> {
    let Target::Cuda(ordinal) = target else {
        return Ok(get(target));
    };
    let mut table = table();
    if table.opened.contains_key(&target) {
        return Err(PyValueError::new_err(format!(
            "cuda:{ordinal} is in use already: call open_device() before frames go there"
        )));
    }
    let pinner = configure(Pinner::builder().device(ordinal)).build();
    let opened = Opened {
        pinner: pinner.clone(),
        stream: None,
    };
    table.opened.insert(target, opened);
    Ok(pinner)
}

/// The target that a caller's wish comes to. With "auto" it may have no device; frames for it stay on the host
/// and say why.
pub(crate) fn target_of(wish: Wish) -> Target {
    match wish {
        Wish::Exactly(target) => target,
        Wish::Auto => Target::Cuda(0),
        Wish::Any => {
            let table = table();
            let has_device = |opened: &Opened| opened.pinner.reason().is_none();
            let with_device = table.opened.iter().find(|(_, opened)| has_device(opened));
            // Devices that were asked for and are not there come after the host in order.
            let used = with_device.or(table.opened.last_key_value());
            used.map_or(Target::Host, |(target, _)| *target)
        }
    }
}

/// The pinner of a device, and the stream of copies to it whose caller names none.
///
/// # Errors
/// `NoDevice`, `CudaError`. Detach the interpreter first.
pub(crate) fn with_stream(target: Target) -> PyResult<(Pinner, Arc<CudaStream>)> {
    let pinner = get(target);
    if let Some(reason) = pinner.reason() {
        return Err(NoDevice::new_err(format!(
            "{}: read the frame on the host, or use device='auto' where either will do",
            words::in_python(&reason.to_string())
        )));
    }
    let mut table = table();
    let stream = table
        .opened
        .get(&target)
        .and_then(|opened| opened.stream.clone());
    if let Some(stream) = stream {
        return Ok((pinner, stream));
    }
    let stream = pinner.new_stream().map_err(errors::copy)?;
    if let Some(opened) = table.opened.get_mut(&target) {
        opened.stream = Some(stream.clone());
    }
    Ok((pinner, stream))
}
