//! Contexts that cannot be used any more, as the errors of calls on them told.
//!
//! Some errors are of a whole context: after a fault on the device every call in it fails (it has failed),
//! and after a reset or its last release its handles mean nothing, or somebody else's things (it is
//! destroyed). Both are noted here once, by whoever met the error first. From then on this crate makes no
//! call in a failed context but those that let go of it, and none with a handle of a destroyed one.
//!
//! Knowingly weak: a reset is only found out by the next call, which uses a stale handle; the driver
//! answers it with an error as long as no object of the same address was made meanwhile.

use std::sync::{
    Arc, PoisonError, RwLock, Weak,
    atomic::{AtomicBool, Ordering},
};

use cudarc::driver::{CudaContext, DriverError};

use super::name_of;
use crate::path::FallbackReason;

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

/// By the identity of cudarc's own value: the driver gives the next primary context of a device the same
/// handle. A weak reference keeps the address from being used again.
static LOST: RwLock<Vec<(Weak<CudaContext>, Loss)>> = RwLock::new(Vec::new());
static ANY: AtomicBool = AtomicBool::new(false);

/// Why the context is lost; `None` while nothing says that it is.
pub(crate) fn loss_of(context: &Arc<CudaContext>) -> Option<Loss> {
    // Acquire: with the flag comes what was pushed before it. A call more is made where it comes late.
    if !ANY.load(Ordering::Acquire) {
        return None;
    }
    let lost = LOST.read().unwrap_or_else(PoisonError::into_inner);
    let mut lost = lost.iter();
    let is_this = |(found, _): &&(Weak<CudaContext>, Loss)| found.as_ptr() == Arc::as_ptr(context);
    lost.find(is_this).map(|(_, loss)| loss.clone())
}

/// Notes what the error of a call in this context says about the context itself.
pub(crate) fn note(context: &Arc<CudaContext>, error: DriverError) -> Option<Loss> {
    let code = error.0 as u32;
    let loss = Loss {
        code,
        name: name_of(error),
        is_destroyed: is_destroyed(code),
    };
    if !loss.is_destroyed && !is_sticky(code) {
        return None;
    }
    // The first error says the most.
    if let Some(known) = loss_of(context) {
        return Some(known);
    }
    tracing::error!(
        code,
        name = loss.name,
        ordinal = context.ordinal(),
        "a CUDA context is lost"
    );
    let mut lost = LOST.write().unwrap_or_else(PoisonError::into_inner);
    lost.retain(|(context, _)| context.strong_count() > 0);
    lost.push((Arc::downgrade(context), loss.clone()));
    // Release: see `loss_of`.
    ANY.store(true, Ordering::Release);
    Some(loss)
}

/// Faults after which every call in the context fails; see `CUresult` in the CUDA driver API: "this leaves
/// the process in an inconsistent state and any further CUDA work will return the same error".
fn is_sticky(code: u32) -> bool {
    // ECC and NVLink uncorrectable; illegal address, launch timeout, assert, hardware stack, illegal
    // instruction, misaligned address, invalid address space, invalid program counter, launch failed.
    matches!(code, 214 | 220 | 700 | 702 | 710 | 714..=719)
}

/// The driver has been shut down, or there is no such context any more.
fn is_destroyed(code: u32) -> bool {
    matches!(code, 4 | 201 | 709)
}
