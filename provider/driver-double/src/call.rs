//! The one way in: every exported function is declared with [`exports!`] and runs inside [`enter`].

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::state::{Double, double};
use crate::status::{
    DEINITIALIZED, ILLEGAL_ADDRESS, INVALID_VALUE, NOT_INITIALIZED, Status, UNKNOWN,
};
use crate::{exit, report};

/// What must hold before a function may be called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    Init,
    Context,
}

/// Where a result goes, as the C caller passed it: null, or valid for writing one `T`.
#[repr(transparent)]
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    #[cfg(test)]
    pub(crate) fn to(place: &mut T) -> Self {
        Self(place)
    }

    pub(crate) fn at(address: usize) -> Self {
        Self(std::ptr::with_exposed_provenance_mut(address))
    }

    pub(crate) fn set(self, value: T) -> Result<(), Status> {
        if self.0.is_null() {
            return Err(INVALID_VALUE);
        }
        // SAFETY: the driver interface obliges callers to pass null or a place for one `T`.
        unsafe { self.0.write_unaligned(value) };
        Ok(())
    }

    /// For results that a caller may leave out.
    pub(crate) fn set_if_wanted(self, value: T) {
        // A null place is allowed here, and the only way to fail.
        let _ = self.set(value);
    }
}

impl Out<c_char> {
    /// Writes as much of a NUL-terminated text as fits into `capacity` bytes, NUL included.
    pub(crate) fn set_text(self, text: &[u8], capacity: usize) -> Result<(), Status> {
        let Some(room) = capacity.checked_sub(1).filter(|_| !self.0.is_null()) else {
            return Err(INVALID_VALUE);
        };
        let text = text.strip_suffix(&[0]).unwrap_or(text);
        let written = text.len().min(room);
        let target = self.0.cast::<u8>();
        // SAFETY: the caller passes a place for `capacity` bytes, and `written < capacity`.
        unsafe {
            target.copy_from_nonoverlapping(text.as_ptr(), written);
            target.add(written).write(0);
        }
        Ok(())
    }
}

/// Counts the call, applies injected delays and failures, refuses it where the driver would, and
/// keeps panics from crossing into C.
pub(crate) fn enter(
    name: &'static str,
    needs: Needs,
    length: usize,
    body: impl FnOnce(&'static Double) -> Result<(), Status>,
) -> Status {
    if exit::is_forked_child() {
        // Not even the lock: a thread of the parent may have had it.
        report::write_late(&format!("call_in_forked_child: {name}"));
        return NOT_INITIALIZED;
    }
    let double = double();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        admit(double, name, needs, length)?;
        body(double)
    }));
    match outcome {
        Ok(Ok(())) => 0,
        Ok(Err(status)) => status,
        Err(_) => {
            let mut state = double.lock();
            state.ledger.violation(format!("panic in {name}"));
            UNKNOWN
        }
    }
}

fn admit(
    double: &'static Double,
    name: &'static str,
    needs: Needs,
    length: usize,
) -> Result<(), Status> {
    let mut state = double.lock();
    state.ledger.count(name);
    if state.exited {
        state.ledger.violation(format!("call_after_exit: {name}"));
        return Err(DEINITIALIZED);
    }
    let delay = state.control.delay_of(name, length);
    if !delay.is_zero() {
        drop(state);
        thread::sleep(delay);
        state = double.lock();
    }
    if let Some(code) = state.control.failure_of(name) {
        return Err(code);
    }
    if needs == Needs::Nothing {
        return Ok(());
    }
    if !state.initialized {
        return Err(NOT_INITIALIZED);
    }
    if state.control.context_failed {
        return Err(ILLEGAL_ADDRESS);
    }
    if needs == Needs::Context {
        let current = state.contexts.current()?;
        if let Some(code) = state.failure(current) {
            return Err(code);
        }
    }
    state.admit_beside_captures(name)
}

/// Declares exported functions:
/// `[what it needs, optionally its length] fn name(arguments) |double| body;`
/// and `NAMES`, the list that the control checks names against.
macro_rules! exports {
    ($(
        [$needs:ident $(, $length:ident)?]
        fn $name:ident($($argument:ident: $kind:ty),* $(,)?) |$double:ident| $body:expr
    );* $(;)?) => {
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[unsafe(no_mangle)]
            pub(crate) unsafe extern "C" fn $name($($argument: $kind),*) -> $crate::status::Status {
                let length: usize = 0 $(+ $length)?;
                $crate::call::enter(
                    stringify!($name),
                    $crate::call::Needs::$needs,
                    length,
                    |$double| $body,
                )
            }
        )*
    };
}
pub(crate) use exports;

/// Whether the double exports a function of this name.
pub(crate) fn is_exported(name: &str) -> bool {
    [
        crate::capture::NAMES,
        crate::context::NAMES,
        crate::copy::NAMES,
        crate::device::NAMES,
        crate::event::NAMES,
        crate::graph::NAMES,
        crate::kernel::NAMES,
        crate::memory::NAMES,
        crate::pointer::NAMES,
        crate::registration::NAMES,
        crate::status::NAMES,
        crate::stream_calls::NAMES,
    ]
    .iter()
    .any(|names| names.contains(&name))
}
