//! The end of the process: from here on, calls are violations.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::report;
use crate::state::double;

/// The process that initialized the double. A forked child ends with the handler of its parent,
/// and has nothing to report.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// Called once, by the first successful `cuInit`.
pub(crate) fn watch() {
    OWNER.store(process::id(), Ordering::Relaxed);
    // SAFETY: `ended` has the signature that atexit asks for and never unwinds.
    let refused = unsafe { libc::atexit(ended) } != 0;
    if refused {
        let mut state = double().lock();
        state.ledger.violation("no exit handler".to_owned());
    }
}

/// Whether the double was initialized by the process that this one was forked from.
pub(crate) fn is_forked_child() -> bool {
    let owner = OWNER.load(Ordering::Relaxed);
    owner != 0 && owner != process::id()
}

extern "C" fn ended() {
    if OWNER.load(Ordering::Relaxed) != process::id() {
        return;
    }
    let mut state = double().lock();
    state.exited = true;
    report::write(&mut state);
}
