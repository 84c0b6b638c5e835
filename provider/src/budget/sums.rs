//! The two sums that are bounded, and what counts in which.

/// What bytes are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A segment that this process makes.
    Segment,
    /// The registration of a segment, whoever made it.
    Registration,
    /// Staging memory, which is registered as soon as it is there.
    Staging,
}

/// One number for each bound, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Memory that exists because of this library.
    pub(crate) memory: u64,
    /// Registrations, each counted where it is made.
    pub(crate) registered: u64,
}

impl Purpose {
    pub(crate) fn sums(self, bytes: u64) -> Sums {
        let (memory, registered) = match self {
            Self::Segment => (bytes, 0),
            Self::Registration => (0, bytes),
            Self::Staging => (bytes, bytes),
        };
        Sums { memory, registered }
    }
}

impl Sums {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            memory: self.memory.saturating_add(other.memory),
            registered: self.registered.saturating_add(other.registered),
        }
    }

    /// By how much each sum that `request` adds to would exceed the limit; `None` where neither would.
    pub(crate) fn excess_with(self, request: Self, limit: u64) -> Option<Self> {
        let excess = |sum: u64, asked: u64| match asked {
            0 => 0,
            _ => sum.saturating_add(asked).saturating_sub(limit),
        };
        let excess = Self {
            memory: excess(self.memory, request.memory),
            registered: excess(self.registered, request.registered),
        };
        (excess != Self::default()).then_some(excess)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_refused_only_by_the_sums_that_it_adds_to() {
        let sums = Sums {
            memory: 90,
            registered: 200,
        };
        let excess = |purpose: Purpose, bytes| sums.excess_with(purpose.sums(bytes), 100);
        assert_eq!(excess(Purpose::Segment, 10), None);
        assert_eq!(
            excess(Purpose::Segment, 11).map(|sums| sums.memory),
            Some(1)
        );
        assert!(excess(Purpose::Registration, 1).is_some());
        assert!(excess(Purpose::Segment, u64::MAX).is_some());
        let both = excess(Purpose::Staging, 20).unwrap();
        assert_eq!((both.memory, both.registered), (10, 120));
    }
}
