//! Who is who: processes by number, start and name.

use super::Identified;
use crate::os::{life::Life, process};

impl Identified {
    /// The process that has a number now. The list of locks names one that has ended where a forked child of it still has
    /// the file.
    pub(super) fn now(pid: u32) -> Self {
        Self {
            pid,
            started: process::start_time(pid).unwrap_or(0),
            name: process::name_of(pid).unwrap_or_default(),
            lives: !matches!(Life::of(pid), Life::Ended),
        }
    }

    /// The process that had a number from a moment on, which another one may have by now.
    pub(super) fn by_start(pid: u32, started: u64) -> Self {
        let lives = Life::of(pid).may_be_since(started);
        let name = lives.then(|| process::name_of(pid)).flatten();
        Self {
            pid,
            started,
            name: name.unwrap_or_default(),
            lives,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_given_away_is_not_the_process_that_had_it() {
        let own = Identified::now(std::process::id());
        assert!(own.lives && !own.name.is_empty() && own.started > 0);
        assert_eq!(Identified::by_start(own.pid, own.started), own);
        assert!(!Identified::now(u32::MAX).lives);
        let former = Identified::by_start(own.pid, own.started - 1);
        assert!(!former.lives && former.name.is_empty());
    }
}
