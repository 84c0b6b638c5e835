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

/// A forked child that does nothing, until this is dropped.
pub struct Waiting(i32);

impl Waiting {
    pub fn new() -> Self {
        // SAFETY: the child only waits, and not for ever.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            // SAFETY: as above.
            unsafe {
                libc::alarm(60);
                libc::pause();
                libc::_exit(1);
            }
        }
        Self(child)
    }

    pub fn pid(&self) -> u32 {
        self.0 as u32
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        super::signal::kill(self.pid());
        // SAFETY: waits for the child from above.
        unsafe { libc::waitpid(self.0, std::ptr::null_mut(), 0) };
    }
}
