//! How one message is sent.

use std::time::Duration;

/// How long a message waits that asked for no wait: the last messages of a burst are not to be lost.
const BURST: Duration = Duration::from_millis(5);

/// Sends a message through pinned shared memory: the last argument of
/// [`PinnedOutputs::send_output`](super::PinnedOutputs::send_output).
///
/// While consumers hold every slot, messages are dropped and counted, with one warning, as a dora input drops what its
/// node does not read in time. (A consumer that is only a little behind is given five milliseconds.)
/// [`Pinned::wait_at_most`] holds the node back instead.
///
/// ```
/// use std::time::Duration;
/// use zenoh_pinned_node::dora::Pinned;
///
/// let patient = Pinned.wait_at_most(Duration::from_secs(10));
/// let lossy = Pinned.wait_at_most(Duration::from_millis(5)).drop_when_full();
/// # let _ = (patient, lossy);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pinned;

/// [`Pinned`], with what to do while consumers hold every slot.
///
/// ```
/// use std::time::Duration;
/// use zenoh_pinned_node::dora::{Pinned, PinnedOptions};
///
/// let options = PinnedOptions::from(Pinned).wait_at_most(Duration::from_secs(1));
/// assert_eq!(options, Pinned.wait_at_most(Duration::from_secs(1)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PinnedOptions {
    wait: Option<Duration>,
    drop_when_full: bool,
}

impl Pinned {
    /// Waits for a slot up to `wait`, and fails then.
    pub fn wait_at_most(self, wait: Duration) -> PinnedOptions {
        PinnedOptions::default().wait_at_most(wait)
    }

    /// As [`PinnedOptions::drop_when_full`].
    pub fn drop_when_full(self) -> PinnedOptions {
        PinnedOptions::default().drop_when_full()
    }
}

impl PinnedOptions {
    /// Waits for a slot up to `wait`, and fails with [`SendError::Full`](super::SendError::Full) where none comes
    /// free in time.
    pub fn wait_at_most(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Drops and counts the message where no slot comes free in time, instead of failing.
    pub fn drop_when_full(mut self) -> Self {
        self.drop_when_full = true;
        self
    }

    /// How long a message waits for a slot. One that asked for no wait gives consumers a moment, unless they stand still.
    pub(crate) fn wait(self, do_consumers_stand_still: bool) -> Duration {
        self.wait.unwrap_or(match do_consumers_stand_still {
            true => Duration::ZERO,
            false => BURST,
        })
    }

    /// Whether the node asks to be held back.
    pub(crate) fn waits(self) -> bool {
        self.wait.is_some()
    }

    /// Whether a message is dropped that finds no slot.
    pub(crate) fn drops(self) -> bool {
        self.drop_when_full || self.wait.is_none()
    }
}

impl From<Pinned> for PinnedOptions {
    fn from(_: Pinned) -> Self {
        Self::default()
    }
}
