//! What a node's `env:` in the dataflow can change.

use std::time::Duration;

/// Slots of a pool.
const SLOTS: &str = "ZENOH_PINNED_SLOTS";
/// Bytes of all pools of the node.
const MAX_BYTES: &str = "ZENOH_PINNED_MAX_BYTES";

/// From how many bytes a message goes through shared memory.
const SHARED_FROM: &str = "ZENOH_PINNED_SHARED_FROM";

/// Sizes and patience of a node's pinned outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Slots of each output, that is, messages that can be on their way, unread or held at once.
    ///
    /// This bounds what a consumer can have unread. dora 1.1 takes in `max(64, sum of all queue_size of the node)`
    /// messages while a node does not read, whatever an input's `queue_size`; only when it reads again, all but
    /// the newest `queue_size` (10 by default) of each input are dropped. So with fewer slots than that nothing is
    /// dropped at the consumer, which messages that wait for a slot rely on; with more, a consumer that was slow
    /// finds newer messages.
    ///
    /// By default an output whose first message asks for a wait has 8. Any other has 64, as far as they need no
    /// more than 16 MiB, and 8 at least.
    pub slots: Option<u32>,
    /// The most bytes of shared memory that all pools of the node may have; 256 MiB by default. Fewer slots
    /// are made where they would not fit, and no output can keep others from their equal part.
    pub max_bytes: u64,
    /// From how many bytes, the Arrow head included, a message goes through shared memory; smaller ones travel
    /// as bytes, which is faster: measured from Python to Python, shared memory begins to pay between 45 and 70 KiB.
    /// 48 KiB by default.
    pub shared_from_bytes: usize,
    /// How long the consumers may take to answer and to attach the pool before an output takes dora's own
    /// path; one second by default.
    pub settle_patience: Duration,
    /// How long closing waits until the consumers have what was sent, and then for each further message to be
    /// read; one second by default.
    pub close_patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slots: None,
            max_bytes: 256 << 20,
            shared_from_bytes: 48 << 10,
            settle_patience: Duration::from_secs(1),
            close_patience: Duration::from_secs(1),
        }
    }
}

impl Settings {
    /// The defaults, with what `ZENOH_PINNED_SLOTS` (a number), `ZENOH_PINNED_MAX_BYTES` and
    /// `ZENOH_PINNED_SHARED_FROM` (bytes, or with the suffix KiB, MiB or GiB) say. A value that is neither is reported and ignored.
    pub fn from_environment() -> Self {
        let mut settings = Self::default();
        if let Some(slots) = variable(SLOTS, |text| text.parse().ok().filter(|slots| *slots > 0)) {
            settings.slots = Some(slots);
        }
        if let Some(bytes) = variable(MAX_BYTES, bytes) {
            settings.max_bytes = bytes;
        }
        if let Some(bytes) = variable(SHARED_FROM, bytes) {
            settings.shared_from_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
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
