//! How one message is sent.

use std::time::Duration;

/// Sends a message through pinned shared memory: the last argument of
/// [`PinnedOutputs::send_output`](super::PinnedOutputs::send_output).
///
/// ```
/// use std::time::Duration;
/// use zenoh_pinned_node::dora::Pinned;
///
/// let patient = Pinned.wait_at_most(Duration::from_secs(10));
/// let lossy = Pinned.wait_at_most(Duration::ZERO).drop_when_full();
/// # let _ = (patient, lossy);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pinned;

/// [`Pinned`], with what to do while consumers hold every slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinnedOptions {
    pub(super) wait: Duration,
    pub(super) drop_when_full: bool,
}

impl Pinned {
    /// Waits for a slot up to `wait` instead of one second.
    pub fn wait_at_most(self, wait: Duration) -> PinnedOptions {
        PinnedOptions::default().wait_at_most(wait)
    }

    /// As [`PinnedOptions::drop_when_full`].
    pub fn drop_when_full(self) -> PinnedOptions {
        PinnedOptions::default().drop_when_full()
    }
}

impl PinnedOptions {
    /// Waits for a slot up to `wait`.
    pub fn wait_at_most(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Drops and counts the message where no slot comes free in time, instead of failing.
    pub fn drop_when_full(mut self) -> Self {
        self.drop_when_full = true;
        self
    }
}

impl Default for PinnedOptions {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(1),
            drop_when_full: false,
        }
    }
}

impl From<Pinned> for PinnedOptions {
    fn from(_: Pinned) -> Self {
        Self::default()
    }
}
