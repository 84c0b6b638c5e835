//! Forked children that run a part of a test.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `part` in a forked child; the test fails where it panics, and where it crashes.
pub fn in_forked_child(part: impl FnOnce()) {
    // SAFETY: the child runs `part`, which starts no threads and takes no locks of the test harness, and ends.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let result = catch_unwind(AssertUnwindSafe(part));
        // SAFETY: ends the child at once, without what the parent has registered for its own end.
        unsafe { libc::_exit(i32::from(result.is_err())) };
    }
    let mut status = 0;
    // SAFETY: waits for the child from above.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the forked child's wait status");
}
