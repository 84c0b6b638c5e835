//! How much of everything there is.

use std::fmt;

/// Sizes are bytes of weights.
pub struct Plan {
    /// The model that is handed over at once.
    pub small: u64,
    /// Between both, for the comparison's speed.
    pub middle: u64,
    /// The model that workers share.
    pub large: u64,
    /// As large as is said to make no difference.
    pub huge: u64,
    /// Turns of what takes microseconds.
    pub turns: usize,
    /// Calls of a turn that take less than a microsecond.
    pub calls: usize,
    /// Rounds of what starts processes.
    pub rounds: usize,
    is_trial: bool,
}

impl Plan {
    pub fn full() -> Self {
        Self {
            small: 1 << 20,
            middle: 16 << 20,
            large: 256 << 20,
            huge: 1 << 30,
            turns: 15,
            calls: 20_000,
            rounds: 5,
            is_trial: false,
        }
    }

    pub fn trial() -> Self {
        Self {
            small: 1 << 16,
            middle: 1 << 18,
            large: 1 << 20,
            huge: 1 << 21,
            turns: 2,
            calls: 100,
            rounds: 1,
            is_trial: true,
        }
    }

    /// Whether figures mean nothing.
    pub fn is_trial(&self) -> bool {
        self.is_trial
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_trial {
            true => text.write_str("a trial, figures mean nothing"),
            false => write!(text, "{} turns, {} rounds", self.turns, self.rounds),
        }
    }
}

/// A number of bytes as people say it.
pub fn in_words(bytes: u64) -> String {
    match bytes {
        _ if bytes >= 1 << 30 => format!("{} GiB", bytes >> 30),
        _ if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        _ => format!("{} KiB", bytes >> 10),
    }
}
