//! One look at the slots of a pool.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use super::{
    HeldSlot, ReclaimableSlots,
    evidence::Snapshot,
    headers::{HeaderPlace, Headers},
    quarantine::QuarantineReason,
    references::{self, CountWord},
    rounds::Doubt,
    standstill::{self, Standstill},
    suspicion::Suspicion,
    tombstone::{self, Tombstone},
    verdict::{self, SeenHeader, Verdict},
};
use crate::os::life::Life;

/// A slot that has been out for less is not looked at: zenoh takes longer to invalidate it.
const SETTLED_AFTER: Duration = Duration::from_millis(150);
/// How often it is asked whether tombstones may go.
const SETTLE_TOMBSTONES_EVERY: Duration = Duration::from_secs(2);

/// What is known about a pool from one sweep to the next.
pub(super) struct PoolSweep {
    slots: Weak<dyn ReclaimableSlots>,
    suspicions: Vec<Suspicion>,
    tombstones: Vec<Tombstone>,
    tombstones_settled: Instant,
    standstill: Standstill,
}

/// How soon the next sweep is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Activity {
    Suspecting,
    InUse,
    Idle,
}

impl PoolSweep {
    pub(super) fn new(slots: Weak<dyn ReclaimableSlots>) -> Self {
        Self {
            slots,
            suspicions: Vec::new(),
            tombstones: Vec::new(),
            tombstones_settled: Instant::now(),
            standstill: Standstill::default(),
        }
    }

    /// Looks at the pool once; `None` when it has gone. `headers` is asked for only where a slot has been
    /// out for a while, and gives the reason where nothing of zenoh's metadata may be touched.
    pub(super) fn sweep<'a>(
        &mut self,
        headers: impl FnOnce() -> Result<&'a mut Headers, QuarantineReason>,
    ) -> Option<Activity> {
        let slots = self.slots.upgrade()?;
        let held = slots.held_longer_than(SETTLED_AFTER);
        self.suspicions
            .retain(|suspicion| held.contains(&suspicion.slot));
        if held.is_empty() && self.tombstones.is_empty() {
            slots.quarantine().set(Vec::new());
            return Some(if slots.any_held() {
                Activity::InUse
            } else {
                Activity::Idle
            });
        }
        let reasons = match headers() {
            Ok(headers) => self.look_at(&*slots, &held, headers),
            Err(reason) => vec![reason; held.len()],
        };
        if slots.quarantine().set(reasons) {
            for quarantined in slots.quarantine().now() {
                tracing::warn!(pool = slots.name(), "{quarantined}");
            }
        }
        Some(if self.suspicions.is_empty() {
            Activity::InUse
        } else {
            Activity::Suspecting
        })
    }

    fn look_at(
        &mut self,
        slots: &dyn ReclaimableSlots,
        held: &[HeldSlot],
        headers: &mut Headers,
    ) -> Vec<QuarantineReason> {
        let mut reasons = self.judge_suspicions(slots);
        let known = |slot: &&HeldSlot| {
            self.suspicions
                .iter()
                .all(|suspicion| suspicion.slot != **slot)
        };
        let unsuspected: Vec<_> = held.iter().filter(known).copied().collect();
        self.suspect(slots, &unsuspected, headers, &mut reasons);
        self.settle_tombstones(slots);
        reasons
    }

    /// Decides about the slots suspected before; returns what keeps those that stay.
    fn judge_suspicions(&mut self, slots: &dyn ReclaimableSlots) -> Vec<QuarantineReason> {
        let mut reasons = Vec::new();
        if self.suspicions.is_empty() {
            return reasons;
        }
        let now = Instant::now();
        if !self
            .suspicions
            .iter()
            .any(|suspicion| suspicion.is_due(now))
        {
            let unchanged = self.suspicions.iter().filter_map(Suspicion::reason);
            return unchanged.collect();
        }
        // Before the bits are looked at: a round that is seen completed here has set them by then.
        let places = self.suspicions.iter().map(|suspicion| &suspicion.place);
        let attached = attached_to(places, slots);
        let mut confirmed_again = Vec::new();
        for mut suspicion in std::mem::take(&mut self.suspicions) {
            if !suspicion.is_due(now) {
                reasons.extend(suspicion.reason());
                self.suspicions.push(suspicion);
                continue;
            }
            let confirmed = suspicion
                .attached
                .everybody_has_confirmed_by(&attached, Life::of);
            let mut verdict = Verdict::Leave;
            let taken = slots.take_back_if(&suspicion.slot, &mut || {
                verdict = decide(&suspicion, confirmed.clone());
                verdict == Verdict::TakeBack
            });
            match verdict {
                Verdict::TakeBack if taken => {
                    tracing::info!(
                        pool = slots.name(),
                        segment = suspicion.slot.segment,
                        offset = suspicion.slot.offset,
                        "a slot came back from a consumer that has died"
                    );
                    let tombstone = Tombstone::new(suspicion.place, suspicion.attached);
                    self.tombstones.push(tombstone);
                }
                Verdict::TakeBack | Verdict::Leave => {}
                Verdict::Suspect => confirmed_again.push(suspicion),
                Verdict::Wait(doubt) => {
                    reasons.push(doubt.reason.clone());
                    suspicion.waits_for(doubt, &attached);
                    self.suspicions.push(suspicion);
                }
            }
        }
        if !confirmed_again.is_empty() {
            // After their bits were cleared, as in `suspect`.
            let places = confirmed_again.iter().map(|suspicion| &suspicion.place);
            let attached = attached_to(places, slots);
            for mut suspicion in confirmed_again {
                suspicion.is_held(&attached);
                self.suspicions.push(suspicion);
            }
        }
        reasons
    }

    /// Finds the invalidated ones among slots that are not suspected yet.
    fn suspect(
        &mut self,
        slots: &dyn ReclaimableSlots,
        unsuspected: &[HeldSlot],
        headers: &mut Headers,
        reasons: &mut Vec<QuarantineReason>,
    ) {
        if unsuspected.is_empty() {
            self.standstill.forget();
            return;
        }
        let chunks: BTreeSet<_> = unsuspected
            .iter()
            .map(|slot| (slot.segment, slot.offset))
            .collect();
        headers.discover_again();
        let mut found = headers.describing(&chunks);
        self.name_who_stands_still(slots, &found, reasons);
        let mut suspected = Vec::new();
        for slot in unsuspected {
            let places = found
                .remove(&(slot.segment, slot.offset))
                .unwrap_or_default();
            // A header that is free or about to be used for another chunk may still describe this one, with
            // a count of one: zenoh leaves such behind where an allocation fails. Only the slot's own is ever
            // given to the validator, so only that can be invalidated.
            let is_invalidated = |place: &HeaderPlace| place.header().is_invalidated();
            let mut invalidated: Vec<_> = places.into_iter().filter(is_invalidated).collect();
            match (invalidated.pop(), invalidated.is_empty()) {
                (Some(place), true) => {
                    let mut verdict = Verdict::Leave;
                    slots.take_back_if(slot, &mut || {
                        verdict = verdict::on(see(slot, &place), None);
                        if verdict == Verdict::Suspect {
                            place.clear_confirmation();
                        }
                        false
                    });
                    if verdict == Verdict::Suspect {
                        suspected.push((*slot, place));
                    }
                }
                (Some(_), false) => reasons.push(QuarantineReason::Contradiction),
                (None, _) => {}
            }
        }
        if suspected.is_empty() {
            return;
        }
        // After the bits were cleared: a round that begins after this sets them again.
        let attached = attached_to(suspected.iter().map(|(_, place)| place), slots);
        for (slot, place) in suspected {
            reasons.push(QuarantineReason::Confirming);
            self.suspicions
                .push(Suspicion::new(slot, place, attached.clone()));
        }
    }

    /// Adds a reason for the slots that have been out for long and are not invalidated.
    fn name_who_stands_still(
        &mut self,
        slots: &dyn ReclaimableSlots,
        found: &BTreeMap<(u32, u32), Vec<HeaderPlace>>,
        reasons: &mut Vec<QuarantineReason>,
    ) {
        let long_held = slots.held_longer_than(standstill::LONG);
        let confirmed: Vec<_> = long_held
            .iter()
            .filter_map(|slot| found.get(&(slot.segment, slot.offset))?.first())
            .filter(|place| !place.header().is_invalidated())
            .collect();
        if confirmed.is_empty() {
            self.standstill.forget();
            return;
        }
        let attached = || attached_to(confirmed.iter().copied(), slots);
        if let Some(reason) = self.standstill.reason(attached) {
            reasons.extend(vec![reason; confirmed.len()]);
        }
    }

    fn settle_tombstones(&mut self, slots: &dyn ReclaimableSlots) {
        if self.tombstones.is_empty() || self.tombstones_settled.elapsed() < SETTLE_TOMBSTONES_EVERY
        {
            return;
        }
        self.tombstones_settled = Instant::now();
        let mut now = None;
        let tombstones = std::mem::take(&mut self.tombstones);
        let places = || tombstones.iter().map(Tombstone::place);
        let settled: Vec<bool> = tombstones
            .iter()
            .map(|tombstone| {
                tombstone.settle(|| {
                    now.get_or_insert_with(|| attached_to(places(), slots))
                        .clone()
                })
            })
            .collect();
        let left = tombstones.into_iter().zip(settled);
        self.tombstones = left
            .filter_map(|(tombstone, settled)| (!settled).then_some(tombstone))
            .collect();
    }
}

/// Who has the metadata attached that these headers lie in.
fn attached_to<'a>(
    places: impl Iterator<Item = &'a HeaderPlace>,
    slots: &dyn ReclaimableSlots,
) -> Arc<Snapshot> {
    let files: BTreeSet<_> = places.map(HeaderPlace::file).collect();
    let files: Vec<_> = files.into_iter().collect();
    Arc::new(Snapshot::now(&files, slots.policy()))
}

/// What a slot's header shows; a header that describes anything else shows nothing.
fn see(slot: &HeldSlot, place: &HeaderPlace) -> SeenHeader {
    let header = place.header();
    let describes_it =
        place.is_same_generation() && header.described() == (slot.segment, slot.offset);
    SeenHeader {
        held: describes_it && references::is_held(CountWord::load(&header.references)),
        invalidated: header.is_invalidated(),
        confirmed: place.is_confirmed(),
    }
}

/// Decides about a suspected slot and does to its header what follows; the pool's tables are locked.
fn decide(suspicion: &Suspicion, confirmed: Result<(), Doubt>) -> Verdict {
    let Suspicion { slot, place, .. } = suspicion;
    let verdict = verdict::on(see(slot, place), Some(confirmed));
    match verdict {
        Verdict::Suspect => place.clear_confirmation(),
        Verdict::TakeBack => {
            let tombstones = tombstone::count();
            if tombstones >= tombstone::AT_MOST {
                return Verdict::Wait(QuarantineReason::TooManyTombstones { tombstones }.into());
            }
            if !references::claim(&place.header().references) {
                return Verdict::Leave;
            }
            place
                .header()
                .describe(tombstone::tombstone_of(slot.offset));
        }
        Verdict::Leave | Verdict::Wait(_) => {}
    }
    verdict
}
