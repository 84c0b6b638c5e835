//! The times of messages, later than what the node has received.

use std::time::Duration;

use dora_message::uhlc::{HLC, NTP64, Timestamp};

/// A clock of this library's that follows the node's.
///
/// dora's Python API tells times in microseconds and without the logical part of its hybrid clock. So messages
/// get times of a second such clock, which is moved behind what the node has received.
pub(super) struct Clock(HLC);

impl Clock {
    pub(super) fn new() -> Self {
        Self(HLC::default())
    }

    /// A time that is later than every one before, and than `observed_seconds` since 1970, where that is not
    /// zero.
    pub(super) fn after(&self, observed_seconds: f64) -> Timestamp {
        if observed_seconds > 0.0
            && let Ok(since) = Duration::try_from_secs_f64(observed_seconds)
        {
            let time = Timestamp::new(NTP64::from(since), *self.0.get_id());
            // Refused where it is far ahead of the system's clock, which is then nearer to the truth.
            let _ = self.0.update_with_timestamp(&time);
        }
        self.0.new_timestamp()
    }
}
