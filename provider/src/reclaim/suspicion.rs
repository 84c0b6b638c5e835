//! A slot that nobody confirmed at some moment, and who was attached then.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{HeldSlot, evidence::Snapshot, headers::HeaderPlace, quarantine::QuarantineReason};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// See the module's note.
#[derive(Clone, Debug)]
pub(super) struct Suspicion {
    pub(super) slot: HeldSlot,
    pub(super) place: HeaderPlace,
    /// Who was attached after the watchdog bit was seen clear.
    pub(super) attached: Arc<Snapshot>,
    /// `None` where somebody confirmed the slot at the last look.
    reason: Option<QuarantineReason>,
    next_look: Instant,
    pause: Duration,
}

impl Suspicion {
    pub(super) fn new(slot: HeldSlot, place: HeaderPlace, attached: Arc<Snapshot>) -> Self {
        Self {
            slot,
            place,
            attached,
            reason: Some(QuarantineReason::Confirming),
            next_look: Instant::now() + FIRST_PAUSE,
            pause: FIRST_PAUSE,
        }
    }

    /// Whether it is time to look again.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.next_look
    }

    /// Why the slot was left in quarantine at the last look.
    pub(super) fn reason(&self) -> Option<QuarantineReason> {
        self.reason.clone()
    }

    /// Somebody confirmed it: the bit was cleared, and what counts is who confirms from now on.
    pub(super) fn is_held(&mut self, attached: Arc<Snapshot>) {
        self.attached = attached;
        self.reason = None;
        self.put_off();
    }

    /// Somebody could not be ruled out.
    pub(super) fn waits_for(&mut self, reason: QuarantineReason, attached: Arc<Snapshot>) {
        // One who stands still is counted on from where it stood; for all else what was unclear then may
        // be clear now.
        if !matches!(reason, QuarantineReason::Stalled { .. }) {
            self.attached = attached;
        }
        self.reason = Some(reason);
        self.put_off();
    }

    /// Looks again later, the later the longer it has lasted.
    fn put_off(&mut self) {
        self.next_look = Instant::now() + self.pause;
        self.pause = (self.pause + self.pause / 4).min(LONGEST_PAUSE);
    }
}
