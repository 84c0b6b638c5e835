//! What the kernel says about a process that has zenoh's metadata attached.

use std::{collections::BTreeMap, io};

use super::{own_rounds, policy::ReclaimPolicy, quarantine::QuarantineReason};
use crate::os::{
    file::Identity,
    life::Life,
    locks,
    proc::Unseen,
    process,
    threads::{self, ThreadSleeps},
};

/// zenoh's thread that confirms what its process holds, as the kernel cuts its name.
const CONFIRMATOR: &str = "Watchdog Confir";

/// A process that has zenoh's metadata attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attached {
    /// With its start time, and its confirmators: one for each copy of zenoh in it.
    Running {
        started: u64,
        confirmators: Vec<ThreadSleeps>,
    },
    /// This process, and how often its one confirmator has come by.
    Own {
        rounds: u64,
    },
    Unknown(QuarantineReason),
}

/// The processes that have one of the metadata segments `files` attached.
///
/// # Errors
/// Why the list would not be complete.
pub(super) fn now(
    files: &[Identity],
    policy: ReclaimPolicy,
) -> Result<BTreeMap<u32, Attached>, QuarantineReason> {
    if policy != ReclaimPolicy::ProvenInNamespace && !process::sees_every_process() {
        return Err(QuarantineReason::OtherNamespaces);
    }
    let holders =
        locks::holders_of_any(files).map_err(|error| QuarantineReason::of_unreadable(&error))?;
    if !holders.contains_key(&std::process::id()) {
        // This process has them attached, so the list is not what it seems.
        return Err(QuarantineReason::NoProc);
    }
    let look = |(pid, listed)| (pid, look_at(pid, files, listed));
    Ok(holders.into_iter().map(look).collect())
}

/// Looks at a process that has taken `listed` locks of `files`, according to the kernel.
fn look_at(pid: u32, files: &[Identity], listed: usize) -> Attached {
    let started = match Life::of(pid) {
        Life::Since(started) => started,
        // It has ended, waited for or not, and its lock still stands: a child of it has that.
        Life::Ended => return Attached::Unknown(QuarantineReason::Forked { pid }),
        Life::Hidden => return Attached::Unknown(QuarantineReason::Hidden { pid }),
        Life::Unreadable(error) => {
            return Attached::Unknown(QuarantineReason::of_unreadable(&error));
        }
    };
    match locks::are_open_in(pid, files, listed) {
        Ok(true) => {}
        Ok(false) => return Attached::Unknown(QuarantineReason::Forked { pid }),
        // Who may not look has to believe the list.
        Err(Unseen::Failed(error)) if error.kind() == io::ErrorKind::PermissionDenied => {}
        Err(Unseen::Ended) => {}
        Err(Unseen::Failed(error)) => {
            return Attached::Unknown(QuarantineReason::of_unreadable(&error));
        }
    }
    match threads::named(pid, CONFIRMATOR) {
        // Another copy of zenoh, as beside Python's, would not be seen so.
        Ok(confirmators)
            if pid == std::process::id()
                && confirmators.len() == 1
                && own_rounds::seen().is_some() =>
        {
            Attached::Own {
                rounds: own_rounds::seen().unwrap_or_default(),
            }
        }
        Ok(mut confirmators) => {
            confirmators.sort_unstable_by_key(|confirmator| confirmator.thread);
            Attached::Running {
                started,
                confirmators,
            }
        }
        Err(Unseen::Ended) => Attached::Unknown(QuarantineReason::Unconfirming { pid }),
        Err(Unseen::Failed(error)) => Attached::Unknown(QuarantineReason::of_unreadable(&error)),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        os::fd::{AsRawFd, OwnedFd},
    };

    use super::*;
    use crate::os::file;

    /// Runs `body` in a forked child; only system calls may be made there.
    fn forked(with_pid: Option<u32>, body: impl FnOnce()) -> Option<u32> {
        let pids = with_pid.map(|pid| pid as libc::pid_t);
        // SAFETY: a structure of numbers.
        let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
        arguments.exit_signal = libc::SIGCHLD as u64;
        if let Some(pid) = &pids {
            arguments.set_tid = std::ptr::from_ref(pid) as u64;
            arguments.set_tid_size = 1;
        }
        let bytes = size_of::<libc::clone_args>();
        // SAFETY: as `fork`; the child makes system calls and ends.
        let child = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, bytes) };
        if child == 0 {
            body();
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(0) };
        }
        u32::try_from(child).ok()
    }

    /// Ends a process that the test has started, however the test ends.
    struct EndedAfterwards(u32);

    impl Drop for EndedAfterwards {
        fn drop(&mut self) {
            // SAFETY: a child of this test that has not been waited for, or a child of one.
            unsafe {
                libc::kill(self.0 as i32, libc::SIGKILL);
                libc::waitpid(self.0 as i32, std::ptr::null_mut(), 0);
            }
        }
    }

    fn locked_again(path: &std::ffi::CStr) -> libc::c_int {
        // SAFETY: system calls with arguments of this function's own.
        unsafe {
            let descriptor = libc::open(path.as_ptr(), libc::O_RDWR);
            libc::flock(descriptor, libc::LOCK_SH | libc::LOCK_NB)
        }
    }

    fn path_of(file: &OwnedFd) -> std::ffi::CString {
        std::ffi::CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap()
    }

    fn wait_until(condition: impl Fn() -> bool) {
        let began = std::time::Instant::now();
        while !condition() {
            assert!(began.elapsed().as_secs() < 10, "it never came to that");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// A process that looks like one with a zenoh of its own, until it is ended.
    fn confirm_for_ever() {
        // SAFETY: system calls with arguments of this function's own.
        unsafe {
            libc::prctl(libc::PR_SET_NAME, c"Watchdog Confir".as_ptr());
            libc::pause();
        }
    }

    #[test]
    fn a_lock_left_to_a_forked_child_is_not_taken_for_one_of_the_next_process_with_that_pid() {
        let file = file::create_unnamed().unwrap();
        let (identity, _) = file::inspect(&file).unwrap();
        let path = path_of(&file);
        // A consumer forks a child, and dies.
        let (mut reader, writer) = std::io::pipe().unwrap();
        let consumer = forked(None, || {
            locked_again(&path);
            // SAFETY: as in `forked`; the child tells its pid.
            unsafe {
                if libc::fork() == 0 {
                    let pid = libc::getpid();
                    libc::write(
                        writer.as_raw_fd(),
                        (&raw const pid).cast(),
                        size_of_val(&pid),
                    );
                    libc::pause();
                }
            }
        })
        .unwrap();
        let mut child = [0; size_of::<libc::pid_t>()];
        reader.read_exact(&mut child).unwrap();
        let _child = EndedAfterwards(u32::from_ne_bytes(child));
        // SAFETY: waits for the child made above.
        unsafe { libc::waitpid(consumer as i32, std::ptr::null_mut(), 0) };
        let successor = forked(Some(consumer), || {
            locked_again(&path);
            confirm_for_ever();
        });
        if let Some(pid) = successor {
            let _successor = EndedAfterwards(pid);
            assert_eq!(pid, consumer);
            let count = || locks::holders_of_any(&[identity]).unwrap().remove(&pid);
            wait_until(|| count() == Some(2));
            let seen = now(&[identity], ReclaimPolicy::ProvenInNamespace).unwrap();
            let forked = Attached::Unknown(QuarantineReason::Forked { pid });
            assert_eq!(seen.get(&pid), Some(&forked));
        } else {
            eprintln!("SKIPPED: this user may not choose a pid");
        }
    }

    #[test]
    fn a_process_with_locks_of_its_own_runs() {
        let file = file::create_unnamed().unwrap();
        let (identity, _) = file::inspect(&file).unwrap();
        let path = path_of(&file);
        let holder = forked(None, || {
            locked_again(&path);
            locked_again(&path);
            confirm_for_ever();
        })
        .unwrap();
        let _holder = EndedAfterwards(holder);
        let look = || now(&[identity], ReclaimPolicy::ProvenInNamespace).unwrap();
        let runs = |seen: Option<Attached>| matches!(seen, Some(Attached::Running { confirmators, .. }) if !confirmators.is_empty());
        wait_until(|| runs(look().remove(&holder)));
    }
}
