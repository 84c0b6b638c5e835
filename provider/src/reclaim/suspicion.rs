//! A slot that nobody confirmed at some moment, and who was attached then.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    HeldSlot,
    evidence::{Doubt, Snapshot},
    headers::HeaderPlace,
    quarantine::QuarantineReason,
};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// See the module's note.
#[derive(Clone, Debug)]
pub(super) struct Suspicion {
    pub(super) slot: HeldSlot,
    pub(super) place: HeaderPlace,
    /// Headers that describe the same slot and were not confirmed by anybody.
    others: Vec<HeaderPlace>,
    /// Who was attached after the watchdog bit was seen clear.
    pub(super) attached: Arc<Snapshot>,
    /// `None` where somebody confirmed the slot at the last look.
    reason: Option<QuarantineReason>,
    next_look: Instant,
    pause: Duration,
}

impl Suspicion {
    pub(super) fn new(
        slot: HeldSlot,
        place: HeaderPlace,
        others: Vec<HeaderPlace>,
        attached: Arc<Snapshot>,
    ) -> Self {
        Self {
            slot,
            place,
            others,
            attached,
            reason: Some(QuarantineReason::Confirming),
            next_look: Instant::now() + FIRST_PAUSE,
            pause: FIRST_PAUSE,
        }
    }

    /// Whether somebody confirms the slot under another header: then that is its own, and this one stale.
    pub(super) fn is_about_another_header(&self) -> bool {
        self.others.iter().any(HeaderPlace::is_confirmed)
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
    pub(super) fn waits_for(&mut self, doubt: Doubt, attached: Arc<Snapshot>) {
        if doubt.starts_afresh {
            self.attached = attached;
        }
        self.reason = Some(doubt.reason);
        self.put_off();
    }

    /// Looks again later, the later the longer it has lasted.
    fn put_off(&mut self) {
        self.next_look = Instant::now() + self.pause;
        self.pause = (self.pause + self.pause / 4).min(LONGEST_PAUSE);
    }
}
