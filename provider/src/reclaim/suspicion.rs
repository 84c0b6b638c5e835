//! A slot that nobody confirmed at some moment, and who was attached then.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    HeldSlot, evidence::Snapshot, headers::HeaderPlace, quarantine::QuarantineReason, rounds::Doubt,
};
use crate::os::life::Life;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// After this many restarts the reason is [`QuarantineReason::Unsettled`].
const TOO_MANY_RESTARTS: u32 = 20;

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
    /// How often the question was put anew since somebody confirmed.
    restarts: u32,
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
            restarts: 0,
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
    pub(super) fn is_held(&mut self, attached: &Arc<Snapshot>) {
        self.start_afresh(attached);
        self.reason = None;
        self.restarts = 0;
        self.put_off();
    }

    /// Somebody could not be ruled out.
    pub(super) fn waits_for(&mut self, doubt: Doubt, attached: &Arc<Snapshot>) {
        if doubt.starts_afresh {
            self.start_afresh(attached);
            self.restarts += 1;
            self.pause = FIRST_PAUSE;
        }
        self.reason = Some(match doubt.reason {
            QuarantineReason::Confirming if self.restarts > TOO_MANY_RESTARTS => {
                QuarantineReason::Unsettled
            }
            reason => reason,
        });
        self.put_off();
    }

    /// What was known of processes that are alive and not listed this time is kept.
    fn start_afresh(&mut self, attached: &Arc<Snapshot>) {
        self.attached = Snapshot::carrying(attached, &self.attached, Life::of);
    }

    /// Looks again later, the later the longer it has lasted.
    fn put_off(&mut self) {
        self.next_look = Instant::now() + self.pause;
        self.pause = (self.pause + self.pause / 4).min(LONGEST_PAUSE);
    }
}
