//! The end of device memory that was lent.
//!
//! Only its borrowers know who uses it, and on which streams. So a thread waits until everything has executed that was
//! enqueued in the context before the last of them let go, and then gives the memory back: several at a time, as one
//! fence serves all that came before it. It holds the exit gate while it waits: a process that exits meanwhile
//! waits for it as long as the gate's patience, and no longer.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use super::{DeviceMemory, DriverError, Fence, note, visit::relax_this_thread};
use crate::os::{self, per_process::PerProcess};

/// After what time a fence or a release that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(10);
/// For how long it is tried again. After that the memory stays until the process ends.
const PATIENCE: Duration = Duration::from_secs(30);

/// Memory that its last borrower has let go of.
struct Returned {
    memory: DeviceMemory,
    fence: Arc<Fence>,
    at: Instant,
}

/// Hands device memory to the thread. Where none can be started this memory stays until the process ends; the next
/// one tries again.
pub(crate) fn free_when_unused(memory: DeviceMemory, fence: Arc<Fence>) {
    static THREAD: PerProcess<Mutex<Option<Sender<Returned>>>> = PerProcess::new(Mutex::default);
    let mut thread = THREAD.lock();
    if thread.is_none() {
        let (sender, receiver) = channel();
        let builder = std::thread::Builder::new().name(String::from("zpin-free"));
        let started = builder.spawn(move || free_all(&receiver));
        *thread = started.is_ok().then_some(sender);
    }
    let returned = Returned {
        memory,
        fence,
        at: Instant::now(),
    };
    match &*thread {
        Some(thread) => {
            if let Err(unsent) = thread.send(returned) {
                std::mem::forget(unsent.0);
            }
        }
        None => std::mem::forget(returned),
    }
}

/// As [`free_when_unused`], for memory that was not lent and cannot go in the order of its stream.
pub(crate) fn free_behind_everything(memory: DeviceMemory) {
    match Fence::of(memory.context()) {
        Ok(fence) => free_when_unused(memory, fence),
        Err(error) => {
            let (error, bytes) = (error.name(), memory.bytes());
            tracing::error!(error, bytes, "device memory stays until this process ends");
        }
    }
}

fn free_all(arriving: &Receiver<Returned>) {
    os::waiting::never_here();
    relax_this_thread();
    let mut waiting: Vec<Returned> = Vec::new();
    loop {
        let first = match waiting.is_empty() {
            true => arriving.recv().map_err(RecvTimeoutError::from),
            false => arriving.recv_timeout(RETRY_AFTER),
        };
        match first {
            Ok(first) => waiting.push(first),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return std::mem::forget(waiting),
        }
        waiting.extend(arriving.try_iter());
        let Some(_gate) = os::exit::enter_driver() else {
            return std::mem::forget(waiting);
        };
        waiting = free_those(waiting);
    }
}

/// Frees what can be freed; gives what has to be tried again.
fn free_those(mut waiting: Vec<Returned>) -> Vec<Returned> {
    let mut left = Vec::new();
    while let Some(first) = waiting.first() {
        let fence = first.fence.clone();
        let (behind_it, others) = waiting
            .into_iter()
            .partition(|returned| Arc::ptr_eq(&returned.fence, &fence));
        waiting = others;
        left.extend(free_behind(&fence, behind_it));
    }
    left
}

fn free_behind(fence: &Fence, returned: Vec<Returned>) -> impl Iterator<Item = Returned> {
    let passed = fence.pass();
    returned.into_iter().filter_map(move |returned| {
        let Returned { memory, fence, at } = returned;
        let freed = match passed {
            // SAFETY: whoever used it had enqueued that before it came here, and the fence was passed since.
            Ok(()) => unsafe { memory.free() },
            Err(error) => Err((memory, error)),
        };
        let (memory, error) = freed.err()?;
        after_failure(Returned { memory, fence, at }, error)
    })
}

/// What becomes of memory that could not be freed: it is left to a lost context, tried again, or kept.
fn after_failure(returned: Returned, error: DriverError) -> Option<Returned> {
    if note(returned.memory.context(), error).is_some() {
        returned.memory.abandon();
        return None;
    }
    if returned.at.elapsed() < PATIENCE {
        return Some(returned);
    }
    let bytes = returned.memory.bytes();
    tracing::error!(
        error = error.name(),
        bytes,
        "device memory stays until this process ends"
    );
    std::mem::forget(returned);
    None
}
