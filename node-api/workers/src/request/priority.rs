//! How urgent a request is.

use serde::{Deserialize, Serialize};

/// How urgent a request is. The more urgent goes first; one draw in eight goes to whatever has waited longest, so that
/// none waits for ever.
///
/// ```
/// use zenoh_pinned_workers::Priority;
///
/// assert!(Priority::Critical < Priority::Batch); // sorts in front of it
/// assert_eq!(Priority::default(), Priority::Normal);
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Priority {
    /// Something fails without it. Never waits for a batch to fill.
    Critical,
    /// Somebody waits for it.
    High,
    /// Anything else.
    #[default]
    Normal,
    /// Background work.
    Low,
    /// Bulk work: whenever there is time.
    Batch,
}

impl Priority {
    /// All, the most urgent one first.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Normal,
        Self::Low,
        Self::Batch,
    ];

    /// Its name in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
            Self::Batch => "batch",
        }
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
