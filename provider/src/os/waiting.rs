//! Which threads must not wait for another one of this library: its own, because others wait for them, and zenoh's
//! while they are in a call of this library.

use std::cell::Cell;

thread_local! {
    static MAY_WAIT: Cell<bool> = const { Cell::new(true) };
}

/// Whether the calling thread may wait for another one of this library.
pub(crate) fn is_allowed() -> bool {
    MAY_WAIT.get()
}

/// Forbids it for good on this thread, which is one of this library's own.
pub(crate) fn never_here() {
    MAY_WAIT.set(false);
}

/// Forbids it on this thread while `work` is done.
pub(crate) fn not_during<T>(work: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            MAY_WAIT.set(self.0);
        }
    }
    let _before = Before(MAY_WAIT.replace(false));
    work()
}
