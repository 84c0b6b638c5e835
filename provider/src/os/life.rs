//! Whether a process runs, has ended, or cannot be looked at.

use std::io;

use super::{
    proc::{self, Look, Unseen},
    process,
};

/// What the kernel says about a process.
#[derive(Debug)]
pub(crate) enum Life {
    /// It has run since this moment, in clock ticks since boot.
    Since(u64),
    /// There is none, or it only waits for its parent to notice that it has ended.
    Ended,
    /// There is one, and `/proc` does not show it to this user.
    Hidden,
    /// Nobody knows.
    Unreadable(io::Error),
}

impl Life {
    /// Of process `pid` at this moment.
    pub(crate) fn of(pid: u32) -> Self {
        told_by(
            proc::read(pid, "stat"),
            || Ok(proc::numbered(pid, "task")?.len() > 1),
            || process::exists(pid),
        )
    }

    /// Whether it may be the process that has run since `started`.
    pub(crate) fn may_be_since(&self, started: u64) -> bool {
        match self {
            Self::Since(since) => *since == started,
            Self::Ended => false,
            Self::Hidden | Self::Unreadable(_) => true,
        }
    }
}

/// `runs_on`: whether threads are left where the first one has ended.
fn told_by(
    stat: Look<Vec<u8>>,
    runs_on: impl FnOnce() -> Look<bool>,
    exists: impl FnOnce() -> bool,
) -> Life {
    let stat = match stat {
        Ok(stat) => stat,
        Err(Unseen::Failed(error)) => return Life::Unreadable(error),
        Err(Unseen::Ended) if exists() => return Life::Hidden,
        Err(Unseen::Ended) => return Life::Ended,
    };
    let name_ends = stat.iter().rposition(|byte| *byte == b')');
    let state = name_ends.and_then(|end| stat.get(end + 2));
    let (Some(state), Some(started)) = (state, process::start_time_in(&stat)) else {
        return Life::Unreadable(io::ErrorKind::InvalidData.into());
    };
    if !matches!(state, b'Z' | b'X') {
        return Life::Since(started);
    }
    match runs_on() {
        Ok(true) => Life::Since(started),
        Ok(false) => Life::Ended,
        Err(Unseen::Ended) => Life::Ended,
        Err(Unseen::Failed(error)) => Life::Unreadable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(state: char) -> Vec<u8> {
        format!("9 (a name) {state} 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20")
            .into_bytes()
    }

    fn failed<T>(code: i32) -> Look<T> {
        Err(io::Error::from_raw_os_error(code).into())
    }

    #[test]
    fn only_the_word_that_there_is_no_such_process_says_that_one_has_ended() {
        let unused = || -> Look<bool> { panic!("its first thread runs") };
        for code in [libc::ENOENT, libc::ESRCH] {
            assert!(matches!(
                told_by(failed(code), unused, || false),
                Life::Ended
            ));
            assert!(matches!(
                told_by(failed(code), unused, || true),
                Life::Hidden
            ));
            let zombie = told_by(Ok(stat('Z')), || failed(code), || true);
            assert!(matches!(zombie, Life::Ended));
        }
        for code in [
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOMEM,
            libc::EACCES,
            libc::EIO,
        ] {
            for life in [
                told_by(failed(code), unused, || false),
                told_by(Ok(stat('Z')), || failed(code), || true),
            ] {
                assert!(
                    matches!(&life, Life::Unreadable(error) if error.raw_os_error() == Some(code))
                );
                assert!(life.may_be_since(4711));
            }
        }
        for cut in [&b""[..], b"9 (a name", b"9 (a name) R 1 2"] {
            let life = told_by(Ok(cut.to_vec()), unused, || true);
            assert!(matches!(life, Life::Unreadable(_)));
        }
    }

    #[test]
    fn a_process_whose_first_thread_has_ended_runs_while_others_do() {
        let of = |state, runs_on| told_by(Ok(stat(state)), || Ok(runs_on), || true);
        assert!(matches!(of('S', false), Life::Since(4711)));
        assert!(matches!(of('Z', true), Life::Since(4711)));
        assert!(matches!(of('Z', false), Life::Ended));
        assert!(of('R', false).may_be_since(4711) && !of('R', false).may_be_since(4712));
        assert!(!of('X', false).may_be_since(4711));
    }

    #[test]
    fn a_child_that_has_ended_has_ended_although_nobody_has_waited_for_it() {
        let own = std::process::id();
        let started = process::start_time(own).unwrap();
        assert!(matches!(Life::of(own), Life::Since(since) if since == started));
        assert!(matches!(Life::of(u32::MAX), Life::Ended));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        while !matches!(Life::of(child.id()), Life::Ended) {
            std::thread::yield_now();
        }
        assert!(
            process::start_time(child.id()).is_some(),
            "not waited for yet"
        );
        child.wait().unwrap();
    }
}
