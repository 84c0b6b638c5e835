//! What was aimed at, and whether it was reached.

use std::fmt;

use serde_json::{Value, json};

/// Which side of the limit is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Not above it.
    AtMost,
    /// Not below it.
    AtLeast,
}

/// One aim of a record's last key.
pub struct Aim {
    /// In words.
    pub aim: &'static str,
    /// NaN where it was not measured, which reaches nothing.
    pub value: f64,
    /// Which side of the limit is meant.
    pub bound: Bound,
    /// The limit.
    pub limit: f64,
}

impl fmt::Display for Aim {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.reached() { "reached" } else { "missed " };
        write!(
            text,
            "{word}  {:8.3}, {} {}: {}",
            self.value,
            self.bound.words(),
            self.limit,
            self.aim
        )
    }
}

impl Bound {
    fn words(self) -> &'static str {
        match self {
            Self::AtMost => "at most",
            Self::AtLeast => "at least",
        }
    }
}

impl Aim {
    /// Whether the value is on the side of the limit that is meant.
    pub fn reached(&self) -> bool {
        match self.bound {
            Bound::AtMost => self.value <= self.limit,
            Bound::AtLeast => self.value >= self.limit,
        }
    }
}

impl From<&Aim> for Value {
    fn from(aim: &Aim) -> Self {
        json!({
            "aim": format!("{}: {} {}", aim.aim, aim.bound.words(), aim.limit),
            "value": aim.value,
            "limit": aim.limit,
            "reached": aim.reached(),
        })
    }
}
