//! The contexts that are lost: they cannot be used any more.
//!
//! After a fault on the device every call in its context fails: the context has *failed*. After a reset or its last
//! release its handles mean nothing, or somebody else's things: it is *destroyed*. A loss is noted once, by whoever
//! met it first (`witness`). From then on this crate makes no call in a failed context but those that let go of it,
//! and none with a handle of a destroyed one. Nothing is taken back while the context lives.
//!
//! Locks: a mutex around the list, held for look-ups and insertions.

use std::sync::{
    Arc, Mutex, Weak,
    atomic::{AtomicBool, Ordering},
};

use cudarc::driver::CudaContext;

use super::error::DriverError;
use crate::{os::per_process::PerProcess, reason::FallbackReason};

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

/// Whether a context is one that is known by the identity of cudarc's own value: the driver gives the next primary
/// context of a device the same handle. A weak reference keeps the address from being used again.
pub(super) fn is(known: &Weak<CudaContext>, context: &Arc<CudaContext>) -> bool {
    known.as_ptr() == Arc::as_ptr(context)
}

type LostContexts = Vec<(Weak<CudaContext>, Loss)>;

static LOST: PerProcess<Mutex<LostContexts>> = PerProcess::new(Mutex::default);
/// Whether the list is worth looking at.
static ANY_LOST: AtomicBool = AtomicBool::new(false);

/// Why the context is lost; `None` while nothing says that it is.
pub(crate) fn loss_of(context: &Arc<CudaContext>) -> Option<Loss> {
    // Acquire: with the flag comes what was pushed before it. A call more is made where it comes late.
    if !ANY_LOST.load(Ordering::Acquire) {
        return None;
    }
    let lost = LOST.lock();
    let mut lost = lost.iter();
    lost.find_map(|(known, loss)| is(known, context).then(|| loss.clone()))
}

/// Notes that the context is lost, as this error said; gives what was noted first.
pub(super) fn lose(context: &Arc<CudaContext>, error: DriverError, is_destroyed: bool) -> Loss {
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
    let mut lost = LOST.lock();
    lost.retain(|(known, _)| known.strong_count() > 0);
    let first = lost.iter().find(|(known, _)| is(known, context));
    if let Some((_, first)) = first {
        return first.clone();
    }
    lost.push((Arc::downgrade(context), loss.clone()));
    // Release: see `loss_of`.
    ANY_LOST.store(true, Ordering::Release);
    loss
}
