//! Why bytes were not given, in numbers and in words.

use std::fmt::Write;

use super::{OverCgroup, Sums, census::Census};
use crate::{
    os::{Errno, file, process},
    reason::{BudgetScope, FallbackReason},
};

/// How many of the other processes a refusal names.
const NAMED: usize = 3;

/// A request that would have exceeded a limit. All numbers in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) scope: BudgetScope,
    pub(crate) needed_bytes: u64,
    pub(crate) used_bytes: u64,
    pub(crate) limit_bytes: u64,
    /// Who uses how much, in words; empty where that is only one.
    pub(crate) users: String,
}

/// Why bytes were not given.
#[derive(Clone, Debug)]
pub(crate) enum Refused {
    Over(Refusal),
    /// A memory cgroup above this process has no room for them.
    OverCgroup(OverCgroup),
    /// The host's account could not be kept or read, so nobody knows whether the bytes are there.
    Unaccounted(Errno),
}

impl From<Refused> for FallbackReason {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Over(refusal) => Self::OverBudget {
                scope: refusal.scope,
                needed_bytes: refusal.needed_bytes,
                used_bytes: refusal.used_bytes,
                limit_bytes: refusal.limit_bytes,
            },
            Refused::OverCgroup(refusal) => Self::OverCgroup {
                cgroup: refusal.cgroup,
                needed_bytes: refusal.needed_bytes,
                used_bytes: refusal.used_bytes,
                limit_bytes: refusal.limit_bytes,
            },
            Refused::Unaccounted(Errno::CANCELED) => Self::Exiting,
            Refused::Unaccounted(error) => match file::why_none_can_be_made() {
                Some(detail) => Self::NoSegments { detail },
                None => Self::Unaccounted {
                    detail: error.to_string(),
                },
            },
        }
    }
}

/// A number of bytes for people.
pub(crate) struct Readable(pub(crate) u64);

impl std::fmt::Display for Readable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const MEBIBYTE: u64 = 1 << 20;
        match self.0 {
            0 => write!(formatter, "nothing"),
            1..MEBIBYTE => write!(formatter, "{} KiB", self.0.div_ceil(1024)),
            bytes if bytes >> 10 >= MEBIBYTE => {
                write!(formatter, "{:.1} GiB", bytes as f64 / f64::from(1 << 30))
            }
            bytes => write!(formatter, "{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        }
    }
}

/// Who uses how much, the largest of the others by name.
pub(super) fn users(own: Sums, census: &Census) -> String {
    let others = census.held();
    let segments: u64 = census.records.iter().map(|record| record.segments).sum();
    let mut text = format!(
        "this process holds {} and has registered {}; other processes of this user hold {} in {segments} segments and staging, and have registered {}",
        Readable(own.memory),
        Readable(own.registered),
        Readable(others.memory),
        Readable(others.registered),
    );
    let mut largest: Vec<_> = census.records.iter().collect();
    largest.sort_by_key(|record| {
        let held = record.held();
        std::cmp::Reverse(held.memory.max(held.registered))
    });
    for (index, record) in largest.iter().take(NAMED).enumerate() {
        let separator = if index == 0 { ": " } else { ", " };
        let name = process::name_of(record.pid).unwrap_or_default();
        let held = record.held();
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{separator}{name} (pid {}) {} and {}",
            record.pid,
            Readable(held.memory),
            Readable(held.registered)
        );
    }
    if census.unreadable > 0 {
        let _ = write!(
            text,
            "; {} accounts are unreadable and count with all that their processes have",
            census.unreadable
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        let text = |bytes| Readable(bytes).to_string();
        assert_eq!(text(0), "nothing");
        assert_eq!(text(4096), "4 KiB");
        assert_eq!(text(3 << 20), "3.0 MiB");
        assert_eq!(text(71 * (1 << 30) / 10), "7.1 GiB");
    }
}
