//! Finding out whether a context is lost, once a call in it has failed.
//!
//! Which error says that a context is lost cannot be listed: newer drivers have newer errors, and the same number can
//! be about one handle that its owner has destroyed. So each context has a *witness*, an event of this library that is
//! asked about when a call has failed: while it is answered for, the context is there and has not been reset, and the
//! error was of that call alone. An error after which something is kept for ever counts: [`IN_A_ROW`] of them without a
//! success in between are taken for a loss.
//!
//! Who may write what: whoever opens a device adds its witness; whoever makes a call that fails counts the failure.
//!
//! Locks: a mutex around the list; the driver is asked under none. A witness is its device's, and goes
//! with it: the list keeps no context.
//!
//! Knowingly weak: a reset is only found out by the next call, which uses a stale handle; the driver answers it with
//! an error as long as no object of the same address was made meanwhile.

use std::sync::{
    Arc, Mutex, Weak,
    atomic::{AtomicBool, Ordering},
};

use cudarc::driver::CudaContext;

use super::{DriverError, Event, Loss, Visit, loss_of, lost};
use crate::os::per_process::PerProcess;

/// After this many errors in a row that each keep something for ever, the context counts as lost, whatever they are.
const IN_A_ROW: u32 = 4;

/// A context that a device was opened with, or that a call has failed in.
#[derive(Debug)]
struct Watched {
    context: Weak<CudaContext>,
    /// Those of the devices that use it.
    witnesses: Vec<Weak<Event>>,
    failures: u32,
}

static WATCHED: PerProcess<Mutex<Vec<Watched>>> = PerProcess::new(Mutex::default);
/// Whether there are failures to be forgotten.
static ANY_FAILED: AtomicBool = AtomicBool::new(false);

/// The place of a context in the list, added where it has none.
fn place<'list>(list: &'list mut Vec<Watched>, context: &Arc<CudaContext>) -> &'list mut Watched {
    list.retain(|watched| watched.context.strong_count() > 0);
    let found = list
        .iter()
        .position(|watched| lost::is(&watched.context, context));
    let index = found.unwrap_or_else(|| {
        list.push(Watched {
            context: Arc::downgrade(context),
            witnesses: Vec::new(),
            failures: 0,
        });
        list.len() - 1
    });
    &mut list[index]
}

/// Makes a witness for a device's context, which the device keeps.
pub(super) fn witness(context: &Arc<CudaContext>) -> Option<Arc<Event>> {
    let witness = Arc::new(Event::new(context).ok()?);
    let mut watched = WATCHED.lock();
    let witnesses = &mut place(&mut watched, context).witnesses;
    witnesses.retain(|witness| witness.strong_count() > 0);
    witnesses.push(Arc::downgrade(&witness));
    Some(witness)
}

/// A call in this context has succeeded: those that had failed before it failed alone.
pub(super) fn succeeded(context: &Arc<CudaContext>) {
    // Relaxed: the count need not be exact.
    if ANY_FAILED.load(Ordering::Relaxed)
        && let Some(watched) = WATCHED
            .lock()
            .iter_mut()
            .find(|watched| lost::is(&watched.context, context))
    {
        watched.failures = 0;
    }
}

/// Finds out what the error of a call in this context says about the context itself, and notes it.
pub(crate) fn note(context: &Arc<CudaContext>, error: DriverError) -> Option<Loss> {
    if error.is_of_capture() {
        return None;
    }
    // The first error says the most.
    if let Some(known) = loss_of(context) {
        return Some(known);
    }
    let answer = confirmed(context)?;
    Some(lost::lose(context, error, is_of_destroyed(answer.0)))
}

/// As [`note`], for an error after which something stays held for ever. [`IN_A_ROW`] of them are a loss, whatever the
/// driver says of the context: they must not go on.
pub(super) fn note_leak(context: &Arc<CudaContext>, error: DriverError) -> Option<Loss> {
    let noted = note(context, error);
    if noted.is_none() && is_the_last_straw(context) {
        return Some(lost::lose(context, error, false));
    }
    noted
}

/// What the driver answers about a context that is lost; `None` where it answers for it.
fn confirmed(context: &Arc<CudaContext>) -> Option<DriverError> {
    let witness = WATCHED
        .lock()
        .iter()
        .find(|watched| lost::is(&watched.context, context))
        .and_then(|watched| watched.witnesses.iter().find_map(Weak::upgrade));
    let _visit = Visit::begin();
    let told = witness.map_or(Ok(()), |witness| witness.query());
    // A failed context may still tell about an event that nothing was recorded in, but makes no new one.
    let made = told.and_then(|()| Event::new(context).map(drop));
    let is_fine = |error: &DriverError| *error == DriverError::NOT_READY || error.is_of_capture();
    made.err().filter(|error| !is_fine(error))
}

fn is_the_last_straw(context: &Arc<CudaContext>) -> bool {
    ANY_FAILED.store(true, Ordering::Relaxed);
    let mut watched = WATCHED.lock();
    let failures = &mut place(&mut watched, context).failures;
    *failures += 1;
    *failures >= IN_A_ROW
}

/// The driver has been shut down, there is no such context any more, or it knows none of our handles.
fn is_of_destroyed(code: u32) -> bool {
    matches!(code, 4 | 201 | 400 | 709)
}
