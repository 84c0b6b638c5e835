//! The thread of each stream, which runs its operations one after the other.

use std::ffi::{c_int, c_uint};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Instant;

use crate::state::{Double, State};
use crate::status::{OUT_OF_MEMORY, Status};
use crate::stream::{Kind, Operation, Point, Stream, Work};

impl Double {
    /// Opens a stream in the current context and starts its worker.
    pub(crate) fn open(
        &'static self,
        state: &mut State,
        kind: Kind,
        flags: c_uint,
        priority: c_int,
    ) -> Result<usize, Status> {
        let context = state.contexts.current()?;
        let handle = state
            .streams
            .insert(Stream::new(context, kind, flags, priority));
        let worker = thread::Builder::new()
            .name("cuda-double".to_owned())
            .spawn(move || self.serve(handle));
        if worker.is_err() {
            state.streams.remove(handle);
            return Err(OUT_OF_MEMORY);
        }
        Ok(handle)
    }

    /// Puts work at the end of a stream. Copies and kernels are due only after the delay that is set now, so a
    /// queue of them is late as a whole and not one delay after the other.
    pub(crate) fn enqueue(
        &'static self,
        state: &mut State,
        stream: usize,
        after: Vec<Point>,
        work: Work,
    ) -> Result<Point, Status> {
        let of = state.streams.usable(stream)?;
        let (context, kind) = (of.context, of.kind);
        if state.captures.has(stream) {
            return state.capture(stream, &after, work);
        }
        state.conflict_with_legacy(context, kind)?;
        let due = match work {
            Work::Copy(_) | Work::Sum(_) => Instant::now().checked_add(state.control.copy_delay),
            _ => None,
        };
        work.begin(state);
        let point = state.streams.enqueue(stream, due, after, work)?;
        self.notify();
        Ok(point)
    }

    fn serve(&'static self, handle: usize) {
        loop {
            let mut state = self.wait_while(self.lock(), |state| state.streams.is_idle(handle));
            let Some(operation) = state.streams.next(handle) else {
                state.streams.remove(handle);
                self.notify();
                return;
            };
            drop(self.wait_while(state, |state| !state.streams.have_reached(&operation.after)));
            if let Some(due) = operation.due {
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| self.run(&operation)));
            let mut state = self.lock();
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(violation)) => state.ledger.violation(violation),
                Err(_) => state.ledger.violation("panic in a worker".to_owned()),
            }
            operation.work.end(&mut state);
            state.streams.finish(operation.point);
            drop(state);
            self.notify();
        }
    }

    fn run(&'static self, operation: &Operation) -> Result<(), String> {
        match &operation.work {
            Work::Copy(copy) => copy.run(),
            Work::Fill(fill) => fill.run(),
            Work::Sum(sum) => sum.run(),
            Work::Free(start) => {
                let freed = self.lock().memory.free(*start);
                // Poisoning takes time, so it happens without the lock.
                drop(freed);
                Ok(())
            }
            Work::Record(event) => {
                let mut state = self.lock();
                state.events.complete(*event, operation.point);
                Ok(())
            }
            Work::Call { function, data } => {
                // The driver calls no host function once the context has failed.
                if !self.lock().control.context_failed {
                    let data = std::ptr::with_exposed_provenance_mut(*data);
                    // SAFETY: the interface obliges the caller of `cuLaunchHostFunc` to keep
                    // function and data until the call, and nothing here is locked.
                    unsafe { function(data) };
                }
                Ok(())
            }
            Work::Wait => Ok(()),
        }
    }
}
