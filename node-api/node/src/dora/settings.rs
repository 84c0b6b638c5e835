//! What a node's `env:` in the dataflow can change.

use std::time::Duration;

use zenoh_pinned::bytes_from_environment;

/// Slots of a pool.
const SLOTS: &str = "ZENOH_PINNED_SLOTS";
/// Bytes of all pools of the node.
const MAX_BYTES: &str = "ZENOH_PINNED_MAX_BYTES";

/// From how many bytes a message goes through shared memory.
const SHARED_FROM: &str = "ZENOH_PINNED_SHARED_FROM";

/// Sizes and patience of a node's pinned outputs.
///
/// ```
/// use zenoh_pinned_node::dora::Settings;
///
/// let mut settings = Settings::default();
/// settings.max_bytes = 64 << 20;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Slots of each output, that is, messages that can be on their way, unread or held at once.
    ///
    /// This bounds what a consumer can have unread. While a node does not read, dora 1.1 takes in
    /// `max(64, sum of all queue_size of the node)` messages, whatever an input's `queue_size`. When the node reads
    /// again, dora drops all but the newest `queue_size` (10 by default) of each input. So with fewer slots than
    /// `queue_size` nothing is dropped at the consumer, and messages that wait for a slot rely on that. With more slots
    /// a slow consumer finds newer messages.
    ///
    /// By default an output whose first message asks for a wait has 8. Any other has 64, as far as they need no
    /// more than 16 MiB, and 8 at least.
    pub slots: Option<u32>,
    /// The most bytes of shared memory that all pools of the node may have; 256 MiB by default. Where the slots do not
    /// fit, fewer are made; no output can keep others from their equal part.
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
    /// `ZENOH_PINNED_SHARED_FROM` (bytes, or with the suffix KiB, MiB or GiB) say. A value that is neither is reported
    /// and ignored.
    ///
    /// ```
    /// // In the dataflow, `env: { ZENOH_PINNED_SLOTS: 4 }`.
    /// let settings = zenoh_pinned_node::dora::Settings::from_environment();
    /// println!("{:?} slots, {} bytes", settings.slots, settings.max_bytes);
    /// ```
    pub fn from_environment() -> Self {
        let mut settings = Self::default();
        if let Some(slots) = count_from_environment(SLOTS) {
            settings.slots = Some(slots);
        }
        match bytes_from_environment(MAX_BYTES) {
            Some(0) => tracing::warn!("{MAX_BYTES} is ignored: no message fits zero bytes"),
            Some(bytes) => settings.max_bytes = bytes,
            None => {}
        }
        if let Some(bytes) = bytes_from_environment(SHARED_FROM) {
            settings.shared_from_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
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
