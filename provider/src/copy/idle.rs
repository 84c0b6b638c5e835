//! Device memory that is freed once its context has done what it had to do.
//!
//! Who uses it on which stream is not known any more, so a thread waits for all of them. It holds the exit gate
//! while it waits: a process that exits meanwhile waits for it as long as the gate's patience, and no longer.

use std::sync::{
    OnceLock,
    mpsc::{Receiver, Sender, channel},
};

use cudarc::driver::CudaSlice;

use crate::{cuda, os};

type Memory = CudaSlice<u8>;

/// Hands device memory to the thread. Where there is none, the memory stays until the process ends.
pub(super) fn free_when_idle(memory: Memory) {
    static THREAD: OnceLock<Option<Sender<Memory>>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new().name(String::from("zpin-free"));
        let started = thread.spawn(move || free_all(&receiver));
        started.is_ok().then_some(sender)
    });
    match thread {
        Some(thread) => {
            if let Err(unsent) = thread.send(memory) {
                std::mem::forget(unsent.0);
            }
        }
        None => std::mem::forget(memory),
    }
}

fn free_all(waiting: &Receiver<Memory>) {
    while let Ok(first) = waiting.recv() {
        let all = std::iter::once(first).chain(waiting.try_iter());
        let all: Vec<Memory> = all.collect();
        let Some(_gate) = os::exit::enter_driver() else {
            return std::mem::forget(all);
        };
        for memory in all {
            // The first one of a context waits; by the others' turn there is little left to wait for.
            let context = memory.context().clone();
            match cuda::synchronize_context(&context) {
                Ok(()) => drop(memory),
                Err(error) => match cuda::note(&context, error) {
                    // Nothing runs in a failed context.
                    Some(loss) if !loss.is_destroyed => drop(memory),
                    _ => std::mem::forget(memory),
                },
            }
        }
    }
}
