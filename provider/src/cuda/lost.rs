//! Contexts that cannot be used any more, as the errors of calls on them told.
//!
//! Some errors are of a whole context: after a fault on the device every call in it fails (it has failed), and after
//! a reset or its last release its handles mean nothing, or somebody else's things (it is destroyed). Which error
//! means that no list can say: newer drivers have newer ones, and the same number can be about one handle that its
//! owner has destroyed. So each context has a *witness*, an event of this library that is asked about when a call
//! has failed: while it is answered for, the context is there and has not been reset, and the error was of that call
//! alone. Where such errors keep something for ever each time, [`IN_A_ROW`] of them without a success between count as
//! a loss all the same.
//!
//! A loss is noted once, by whoever met it first. From then on this crate makes no call in a failed context but those
//! that let go of it, and none with a handle of a destroyed one.
//!
//! Who may write what: whoever makes the first call in a context adds it to the list; whoever finds a loss adds that.
//! Nothing is taken back while the context lives.
//!
//! Locks: a read-write lock around the list; the driver is asked under none. A witness is its device's, and goes
//! with it: the list keeps no context.
//!
//! Knowingly weak: a reset is only found out by the next call, which uses a stale handle; the driver answers it with
//! an error as long as no object of the same address was made meanwhile.

use std::sync::{
    Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use cudarc::driver::CudaContext;

use super::{DriverError, Event, Visit};
use crate::{os::per_process::PerProcess, reason::FallbackReason};

/// So many errors after which something stays, one after the other, are a loss whatever they are.
const IN_A_ROW: u32 = 4;

/// Why a context cannot be used.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    pub(crate) code: u32,
    pub(crate) name: String,
    /// Its handles may mean nothing: not even to be destroyed.
    pub(crate) is_destroyed: bool,
}

impl From<Loss> for FallbackReason {
    fn from(Loss { code, name, .. }: Loss) -> Self {
        Self::ContextLost { code, name }
    }
}

/// A context that a device was opened with, or that a call has failed in.
#[derive(Debug)]
struct Known {
    /// By the identity of cudarc's own value: the driver gives the next primary context of a device the same handle.
    /// A weak reference keeps the address from being used again.
    context: Weak<CudaContext>,
    /// Those of the devices that use it.
    witnesses: Vec<Weak<Event>>,
    failures: AtomicU32,
    loss: Option<Loss>,
}

static KNOWN: PerProcess<RwLock<Vec<Known>>> = PerProcess::new(RwLock::default);
/// Whether the list is worth looking at: for a loss, and for failures to be forgotten.
static ANY_LOST: AtomicBool = AtomicBool::new(false);
static ANY_FAILED: AtomicBool = AtomicBool::new(false);

fn read() -> RwLockReadGuard<'static, Vec<Known>> {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner)
}

fn write() -> RwLockWriteGuard<'static, Vec<Known>> {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.retain(|known| known.context.strong_count() > 0);
    known
}

fn is(context: &Arc<CudaContext>) -> impl Fn(&&Known) -> bool {
    |known| known.context.as_ptr() == Arc::as_ptr(context)
}

/// The place of a context in the list, added where it has none.
fn place<'known>(known: &'known mut Vec<Known>, context: &Arc<CudaContext>) -> &'known mut Known {
    let found = known.iter().position(|known| is(context)(&known));
    let index = found.unwrap_or_else(|| {
        known.push(Known {
            context: Arc::downgrade(context),
            witnesses: Vec::new(),
            failures: AtomicU32::new(0),
            loss: None,
        });
        known.len() - 1
    });
    &mut known[index]
}

/// Makes a witness for a device's context, which the device keeps.
pub(super) fn witness(context: &Arc<CudaContext>) -> Option<Arc<Event>> {
    let witness = Arc::new(Event::new(context).ok()?);
    let mut known = write();
    let witnesses = &mut place(&mut known, context).witnesses;
    witnesses.retain(|witness| witness.strong_count() > 0);
    witnesses.push(Arc::downgrade(&witness));
    Some(witness)
}

/// Why the context is lost; `None` while nothing says that it is.
pub(crate) fn loss_of(context: &Arc<CudaContext>) -> Option<Loss> {
    // Acquire: with the flag comes what was pushed before it. A call more is made where it comes late.
    if !ANY_LOST.load(Ordering::Acquire) {
        return None;
    }
    read().iter().find(is(context))?.loss.clone()
}

/// A call in this context has succeeded: those that had failed before it failed alone.
pub(crate) fn succeeded(context: &Arc<CudaContext>) {
    // Relaxed: a count that a call more or less makes no difference to.
    if ANY_FAILED.load(Ordering::Relaxed)
        && let Some(known) = read().iter().find(is(context))
    {
        known.failures.store(0, Ordering::Relaxed);
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
    Some(lose(context, error, is_of_destroyed(answer.0)))
}

/// As [`note`], for an error after which something stays held for ever: so many of them in a row are a loss, whatever
/// the driver says of the context, so that they do not go on.
pub(crate) fn note_leak(context: &Arc<CudaContext>, error: DriverError) -> Option<Loss> {
    let noted = note(context, error);
    if noted.is_none() && is_the_last_straw(context) {
        return Some(lose(context, error, false));
    }
    noted
}

fn lose(context: &Arc<CudaContext>, error: DriverError, is_destroyed: bool) -> Loss {
    let loss = Loss {
        code: error.0,
        name: error.name(),
        is_destroyed,
    };
    let ordinal = context.ordinal();
    tracing::error!(
        code = loss.code,
        name = loss.name,
        ordinal,
        "a CUDA context is lost"
    );
    let mut known = write();
    let place = place(&mut known, context);
    let loss = place.loss.get_or_insert(loss).clone();
    // Release: see `loss_of`.
    ANY_LOST.store(true, Ordering::Release);
    loss
}

/// What the driver answers about a context that is lost; `None` where it answers for it.
fn confirmed(context: &Arc<CudaContext>) -> Option<DriverError> {
    let witness = read()
        .iter()
        .find(is(context))
        .and_then(|known| known.witnesses.iter().find_map(Weak::upgrade));
    let _visit = Visit::begin();
    let told = witness.map_or(Ok(()), |witness| witness.query());
    // A failed context may still tell about an event that nothing was recorded in, but makes no new one.
    let made = told.and_then(|()| Event::new(context).map(drop));
    let is_fine = |error: &DriverError| *error == DriverError::NOT_READY || error.is_of_capture();
    made.err().filter(|error| !is_fine(error))
}

fn is_the_last_straw(context: &Arc<CudaContext>) -> bool {
    ANY_FAILED.store(true, Ordering::Relaxed);
    let mut known = write();
    let failures = &place(&mut known, context).failures;
    failures.fetch_add(1, Ordering::Relaxed) + 1 >= IN_A_ROW
}

/// The driver has been shut down, there is no such context any more, or it knows none of our handles.
fn is_of_destroyed(code: u32) -> bool {
    matches!(code, 4 | 201 | 400 | 709)
}
