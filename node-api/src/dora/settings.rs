//! What a node's `env:` in the dataflow can change.

use std::time::Duration;

use zenoh_pinned::bytes_from_environment;

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
        if let Some(slots) = count_from_environment(SLOTS) {
            settings.slots = slots;
        }
        match bytes_from_environment(MAX_BYTES) {
            Some(0) => tracing::warn!("{MAX_BYTES} is ignored: no message fits zero bytes"),
            Some(bytes) => settings.max_bytes = bytes,
            None => {}
        }
        settings
    }
}

fn count_from_environment(name: &str) -> Option<u32> {
    let value = std::env::var_os(name)?;
    let text = value.to_str().map(str::trim);
    let count = text.and_then(|text| text.parse().ok());
    let count = count.filter(|count| *count > 0);
    if count.is_none() {
        tracing::warn!("{name} is ignored: {value:?} is no number of slots, one or more");
    }
    count
}
