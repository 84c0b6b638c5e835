//! In-flight holds: what a DMA still reads or writes is kept until an event behind it has been reached.
//!
//! A thread asks the driver about the events instead of waiting in it: each question is short, so the
//! exit gate never has to wait for a stream, and one slow stream does not keep the holds of another.
//!
//! Locks: a list has a mutex, held for list operations only; no driver call is made under it.

use std::{
    any::Any,
    mem::ManuallyDrop,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use cudarc::driver::{CudaContext, CudaStream};

use super::{
    CapturedGraph, DriverError, Event, capture, synchronize, visit::relax_this_thread, witness,
};
use crate::{
    figures::{self, HasFigures, ProcessFigures},
    os::{self, mutex},
    registration::StagingLease,
    trace::CopyInFlight,
};

/// How often the events are asked about while copies are in flight.
const POLL: Duration = Duration::from_micros(100);
/// How long the end of a pinner waits for its copies.
const PATIENCE_AT_END: Duration = Duration::from_secs(5);

/// What keeps memory where and what it is by existing. Dropping it keeps everything for ever: only
/// [`Hold::release`] lets go.
#[derive(Debug)]
pub(crate) struct Hold {
    /// Never reused while this exists.
    bytes: ManuallyDrop<Kept>,
    /// Keeps the bytes mapped and registered. Once its context is lost it keeps them mapped even when it is
    /// dropped, and lets go of the context.
    registration: ManuallyDrop<Kept>,
    /// What is told when the copy has executed.
    traced: Option<CopyInFlight>,
}

type Kept = Option<Box<dyn Any + Send>>;

impl Hold {
    /// Bytes and what registers them.
    pub(crate) fn of(bytes: impl Any + Send, registration: impl Any + Send) -> Self {
        Self {
            bytes: ManuallyDrop::new(Some(Box::new(bytes))),
            registration: ManuallyDrop::new(Some(Box::new(registration))),
            traced: None,
        }
    }

    /// A staging slot, which nobody leases any more once its context is lost.
    pub(crate) fn of_staging(lease: StagingLease) -> Self {
        Self {
            bytes: ManuallyDrop::new(None),
            registration: ManuallyDrop::new(Some(Box::new(lease))),
            traced: None,
        }
    }

    /// Tells of the copy when it is released.
    pub(crate) fn traced(mut self, traced: Option<CopyInFlight>) -> Self {
        self.traced = traced;
        self
    }

    fn release(self) {
        // The bytes first: their release may be announced through the registration's mapping.
        drop(ManuallyDrop::into_inner(self.bytes));
        drop(ManuallyDrop::into_inner(self.registration));
        if let Some(traced) = self.traced {
            traced.tell();
        }
    }

    /// Keeps everything for ever, as dropping does.
    fn keep(self) {}

    /// Keeps the bytes for ever, and the context no longer.
    fn keep_without_context(self) {
        drop(ManuallyDrop::into_inner(self.registration));
    }
}

#[derive(Debug)]
struct Copy {
    event: Event,
    hold: Hold,
}

#[derive(Debug, Default)]
struct HoldList {
    arrived: Vec<Copy>,
    /// Of graphs that have gone.
    finished: Vec<Hold>,
    thread: Option<std::thread::JoinHandle<()>>,
    closing: bool,
}

#[derive(Debug, Default)]
struct Holds {
    state: Mutex<HoldList>,
    changed: Condvar,
    /// Holds not yet released: arrived, being watched, or leaked.
    held: AtomicUsize,
    leaked: AtomicUsize,
}

/// The list of one pinner.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    holds: Arc<Holds>,
}

impl HasFigures for Holds {
    fn add_figures(&self, figures: &mut ProcessFigures) {
        // Relaxed: numbers to look at.
        figures.copies_in_flight += self.held.load(Ordering::Relaxed) as u64;
        figures.holds_leaked += self.leaked.load(Ordering::Relaxed) as u64;
    }
}

impl InFlight {
    /// Has the list shown to others, for as long as it exists.
    pub(crate) fn show(&self) {
        let shown: Arc<dyn HasFigures> = self.holds.clone();
        figures::register(Arc::downgrade(&shown));
    }

    /// Keeps `hold` until everything enqueued on `stream` so far has executed.
    ///
    /// Where no event can be recorded, waits for the stream; where that fails too, keeps it for ever.
    ///
    /// # Errors
    /// The driver's error where the stream could not even be waited for: it is unknown whether the copy
    /// was made.
    pub(crate) fn keep(&self, stream: &Arc<CudaStream>, hold: Hold) -> Result<(), DriverError> {
        match Event::record(stream) {
            Ok(event) => {
                self.watch_event(event, hold);
                Ok(())
            }
            Err(_) => self.keep_until_idle(stream, hold),
        }
    }

    /// As [`InFlight::keep`], but waits for the stream at once. For a copy that failed, according to the driver:
    /// something may have been enqueued all the same.
    pub(crate) fn keep_until_idle(
        &self,
        stream: &Arc<CudaStream>,
        hold: Hold,
    ) -> Result<(), DriverError> {
        match synchronize(stream) {
            Ok(()) => {
                hold.release();
                Ok(())
            }
            Err(error) => {
                self.holds.held.fetch_add(1, Ordering::Relaxed);
                self.holds.leak(hold, stream.context(), error);
                Err(error)
            }
        }
    }

    /// Keeps `hold` until `event`, which has been recorded, is reached.
    pub(crate) fn watch_event(&self, event: Event, hold: Hold) {
        self.holds.held.fetch_add(1, Ordering::Relaxed);
        let mut state = mutex::lock(&self.holds.state);
        state.arrived.push(Copy { event, hold });
        self.holds.wake(state);
    }

    /// Keeps `hold` until the graph that `stream` is captured into has gone, with all that was made of it.
    ///
    /// # Errors
    /// The driver's; nothing is kept then.
    pub(crate) fn keep_with_graph(
        &self,
        stream: &CudaStream,
        graph: CapturedGraph,
        hold: Hold,
    ) -> Result<(), DriverError> {
        self.holds.held.fetch_add(1, Ordering::Relaxed);
        let holds = self.holds.clone();
        capture::keep_with(stream, graph, move || holds.finished(hold))
    }

    /// Holds not yet released, and how many of them never will be.
    pub(crate) fn counts(&self) -> (usize, usize) {
        // Relaxed: numbers to look at.
        let held = self.holds.held.load(Ordering::Relaxed);
        (held, self.holds.leaked.load(Ordering::Relaxed))
    }

    /// Waits for the copies in flight, up to some seconds, and ends the thread.
    pub(crate) fn close(&self) {
        let thread = {
            let mut state = mutex::lock(&self.holds.state);
            state.closing = true;
            self.holds.changed.notify_all();
            state.thread.take()
        };
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Holds {
    /// Wakes the thread; starts it where there is none.
    fn wake(self: &Arc<Self>, mut state: MutexGuard<'_, HoldList>) {
        if state.thread.is_none() && !state.closing {
            let holds = self.clone();
            let thread = std::thread::Builder::new()
                .name(String::from("zpin-holds"))
                .spawn(move || holds.watch());
            // Without a thread the holds stay; the next copy tries again.
            state.thread = thread.ok();
        }
        self.changed.notify_all();
    }

    /// A graph that kept this has gone. Called by the driver, which must not be called from here.
    fn finished(self: &Arc<Self>, hold: Hold) {
        if os::exit::enter_driver().is_none() {
            return hold.keep();
        }
        let mut state = mutex::lock(&self.state);
        if !state.closing {
            state.finished.push(hold);
            return self.wake(state);
        }
        drop(state);
        // The graph has outlived the pinner and its thread.
        let holds = self.clone();
        let thread = std::thread::Builder::new().name(String::from("zpin-holds"));
        let _ = thread.spawn(move || holds.release(hold));
    }

    fn release(&self, hold: Hold) {
        hold.release();
        self.held.fetch_sub(1, Ordering::Relaxed);
    }

    /// The thread's work: take what has arrived, ask about each event, sleep.
    fn watch(&self) {
        os::waiting::never_here();
        relax_this_thread();
        let mut watched: Vec<Copy> = Vec::new();
        let mut give_up_at = None;
        loop {
            let (closing, finished) = self.receive(&mut watched);
            for hold in finished {
                self.release(hold);
            }
            if closing {
                let give_up_at = give_up_at.get_or_insert_with(|| Instant::now() + PATIENCE_AT_END);
                if watched.is_empty() || Instant::now() >= *give_up_at {
                    return self.abandon(watched);
                }
            }
            let Some(gate) = os::exit::enter_driver() else {
                return self.abandon(watched);
            };
            watched = watched
                .into_iter()
                .filter_map(|copy| self.settle(copy))
                .collect();
            drop(gate);
            if !watched.is_empty() {
                std::thread::sleep(POLL);
            }
        }
    }

    /// Moves what has arrived to `watched`, sleeping while there is nothing at all to do; tells whether this is the
    /// end, and what graphs have let go of.
    fn receive(&self, watched: &mut Vec<Copy>) -> (bool, Vec<Hold>) {
        let mut state = mutex::lock(&self.state);
        let is_idle = |state: &HoldList| {
            state.arrived.is_empty() && state.finished.is_empty() && !state.closing
        };
        while is_idle(&state) && watched.is_empty() {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        watched.append(&mut state.arrived);
        (state.closing, std::mem::take(&mut state.finished))
    }

    /// Releases a hold whose event has been reached; gives back one that is still needed.
    fn settle(&self, copy: Copy) -> Option<Copy> {
        match copy.event.is_complete() {
            Ok(false) => Some(copy),
            Ok(true) => {
                witness::succeeded(copy.event.context());
                self.release(copy.hold);
                None
            }
            // The device may still be reading, and nobody can tell when it has stopped.
            Err(error) => {
                self.leak(copy.hold, copy.event.context(), error);
                None
            }
        }
    }

    fn leak(&self, hold: Hold, context: &Arc<CudaContext>, error: DriverError) {
        match witness::note_leak(context, error) {
            Some(_) => hold.keep_without_context(),
            // An error of this call alone: the context and its registrations are still in use.
            None => hold.keep(),
        }
        self.leaked.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            error = error.name(),
            "nobody can tell whether a copy has ended: its frame is held until this process ends"
        );
    }

    fn abandon(&self, watched: Vec<Copy>) {
        if !watched.is_empty() {
            tracing::warn!(
                copies = watched.len(),
                "copies had not ended; their frames stay held"
            );
            self.leaked.fetch_add(watched.len(), Ordering::Relaxed);
        }
    }
}
