//! How near a host is to its limit.

/// How much of what this library may use on a host is in use, over all processes of the user: the fuller of
/// memory and registrations in relation to the limit, or `/dev/shm` or a memory cgroup of this process where that is
/// fuller, whoever fills it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Pressure {
    /// Less than half.
    #[default]
    Low,
    /// Half or more.
    Normal,
    /// Three quarters or more. What is idle is given back after half of its time to live.
    High,
    /// Nine tenths or more. What is idle is given back after a quarter of its time to live.
    Critical,
}

impl Pressure {
    /// The pressure where `used` of `limit` bytes are in use; critical for a limit of nothing.
    ///
    /// ```
    /// use zenoh_pinned::Pressure;
    ///
    /// assert!(Pressure::of(0, 100) < Pressure::of(100, 100));
    /// ```
    pub fn of(used: u64, limit: u64) -> Self {
        // In 128 bits nothing overflows.
        let (used, limit) = (u128::from(used), u128::from(limit));
        if used * 10 >= limit * 9 {
            Self::Critical
        } else if used * 4 >= limit * 3 {
            Self::High
        } else if used * 2 >= limit {
            Self::Normal
        } else {
            Self::Low
        }
    }

    /// How much sooner idle things go.
    pub(super) fn hurry(self) -> u32 {
        match self {
            Self::Low | Self::Normal => 1,
            Self::High => 2,
            Self::Critical => 4,
        }
    }
}

impl std::fmt::Display for Pressure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_threshold_begins_its_level() {
        let levels = [0, 499, 500, 749, 750, 899, 900, 1000, u64::MAX];
        let levels = levels.map(|used| Pressure::of(used, 1000));
        use Pressure::{Critical, High, Low, Normal};
        assert_eq!(
            levels,
            [
                Low, Low, Normal, Normal, High, High, Critical, Critical, Critical
            ]
        );
        assert_eq!(Pressure::of(0, 0), Critical);
        assert_eq!(Pressure::of(u64::MAX / 2, u64::MAX), Low);
    }
}
