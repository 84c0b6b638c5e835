//! What a node's `env:` in the dataflow can change.

use std::time::Duration;

/// Slots of a pool.
const SLOTS: &str = "ZENOH_PINNED_SLOTS";
/// Bytes of all pools of the node.
const MAX_BYTES: &str = "ZENOH_PINNED_MAX_BYTES";

/// Sizes and patience of a node's pinned outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Slots of a pool, that is, messages of one size that can be on their way or held at once; 8 by
    /// default. More than the `queue_size` of an input (10 by default in dora) lets that input drop.
    pub slots: u32,
    /// The most bytes of shared memory that all pools of the node may have; 256 MiB by default. Fewer slots
    /// are made where they would not fit.
    pub max_bytes: u64,
    /// How long the consumers may take to answer and to attach the pool before an output takes dora's own
    /// path; one second by default.
    pub settle_patience: Duration,
    /// How long closing waits until the consumers have what was sent; one second by default.
    pub close_patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slots: 8,
            max_bytes: 256 << 20,
            settle_patience: Duration::from_secs(1),
            close_patience: Duration::from_secs(1),
        }
    }
}

impl Settings {
    /// The defaults, with what `ZENOH_PINNED_SLOTS` (a number) and `ZENOH_PINNED_MAX_BYTES` (bytes, or with
    /// the suffix KiB, MiB or GiB) say. A value that is neither is reported and ignored.
    pub fn from_environment() -> Self {
        let mut settings = Self::default();
        if let Some(slots) = variable(SLOTS, |text| text.parse().ok().filter(|slots| *slots > 0)) {
            settings.slots = slots;
        }
        if let Some(bytes) = variable(MAX_BYTES, bytes) {
            settings.max_bytes = bytes;
        }
        settings
    }
}

fn variable<T>(name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let value = std::env::var(name).ok()?;
    let parsed = parse(value.trim());
    if parsed.is_none() {
        tracing::warn!(
            name,
            value,
            "the variable's value is ignored: it is not a size"
        );
    }
    parsed
}

/// A number of bytes, with or without a binary suffix.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = match text.find(|character: char| !character.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let shift = match unit.trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_have_binary_suffixes_or_none() {
        assert_eq!(bytes("4096"), Some(4096));
        assert_eq!(bytes("64 MiB"), Some(64 << 20));
        assert_eq!(bytes("2GiB"), Some(2 << 30));
        assert_eq!(bytes("1KiB"), Some(1024));
    }

    #[test]
    fn what_is_not_a_size_is_none() {
        for text in [
            "",
            "MiB",
            "-1",
            "1MB",
            "0",
            "18446744073709551615GiB",
            "1.5GiB",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
