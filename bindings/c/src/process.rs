//! Whether this is the process that began to use the library, without a system call for each call.

use std::sync::{
    Once,
    atomic::{AtomicBool, Ordering},
};

static IS_CHILD: AtomicBool = AtomicBool::new(false);
static WATCHES: Once = Once::new();

/// Whether this process was forked from one that had made a call before.
pub(crate) fn is_forked() -> bool {
    // A child has a copy of `WATCHES` too; where it was forked within the first call of its parent, that copy may never
    // be done, so it is not waited for there.
    if IS_CHILD.load(Ordering::Relaxed) {
        return true;
    }
    WATCHES.call_once(|| {
        // SAFETY: the handler is a function of this library, which is never unloaded, and only stores a flag.
        unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    });
    false
}

extern "C" fn forked() {
    // Relaxed: the child has this one thread.
    IS_CHILD.store(true, Ordering::Relaxed);
}
