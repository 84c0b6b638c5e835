//! What this process itself does with the slots of its segments.
//!
//! zenoh counts the references to a slot and does not say whose they are. Those of this process that went through
//! this library are noted here, in counters of the segment that a pool of this process made: for messages that say who
//! holds the slots. And whether allocations wait for one.
//!
//! Knowingly weak: payloads that the application keeps without a [`crate::Frame`] or [`crate::bindings::KeptPayload`] are not
//! noted. Nothing but messages depends on that.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::{layout::SegmentLayout, release::ReleaseWords};

/// What a slot is used for in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is being written, and has not been sent.
    Writing,
    /// It has been sent, and is read here: by a frame, or by whoever wrote it.
    Reading,
}

/// The counters of a segment, by slot.
#[derive(Debug)]
pub(crate) struct Uses {
    layout: SegmentLayout,
    writing: Box<[AtomicU32]>,
    reading: Box<[AtomicU32]>,
    /// As in the header page, of this process alone.
    pub(super) releases: ReleaseWords,
}

/// A use that is going on until this is dropped.
#[derive(Debug)]
pub(crate) struct Noted {
    uses: Arc<Uses>,
    slot: usize,
    what: Use,
}

// Relaxed throughout: numbers for messages, which order nothing.
impl Uses {
    pub(super) fn of(layout: SegmentLayout) -> Arc<Self> {
        let none = || (0..layout.slots()).map(|_| AtomicU32::new(0)).collect();
        Arc::new(Self {
            layout,
            writing: none(),
            reading: none(),
            releases: ReleaseWords::default(),
        })
    }

    fn counter(&self, what: Use, slot: usize) -> Option<&AtomicU32> {
        match what {
            Use::Writing => self.writing.get(slot),
            Use::Reading => self.reading.get(slot),
        }
    }

    /// Notes a use of the slot that the byte at `offset` of the segment lies in.
    pub(super) fn note(self: &Arc<Self>, offset: usize, what: Use) -> Option<Noted> {
        let slot = offset.checked_sub(SegmentLayout::header_bytes())? / self.layout.slot_bytes();
        self.counter(what, slot)?.fetch_add(1, Ordering::Relaxed);
        Some(Noted {
            uses: self.clone(),
            slot,
            what,
        })
    }

    /// What slot number `slot` is used for.
    pub(crate) fn of_slot(&self, slot: usize) -> Option<Use> {
        let mut uses = [Use::Writing, Use::Reading].into_iter();
        let is_in_use = |what: &Use| {
            let counter = self.counter(*what, slot);
            counter.is_some_and(|counter| counter.load(Ordering::Relaxed) > 0)
        };
        uses.find(is_in_use)
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(counter) = self.uses.counter(self.what, self.slot) {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os;

    #[test]
    fn a_use_is_noted_at_its_slot_until_it_ends() {
        let page = os::page_bytes();
        let uses = Uses::of(SegmentLayout::new(2 * page, 2).unwrap());
        let first = uses.note(page, Use::Writing).unwrap();
        let second = [
            uses.note(3 * page, Use::Reading).unwrap(),
            uses.note(5 * page - 1, Use::Reading).unwrap(),
        ];
        assert_eq!(uses.of_slot(0), Some(Use::Writing));
        assert_eq!(uses.of_slot(1), Some(Use::Reading));
        for outside in [0, page - 1, 5 * page, usize::MAX] {
            assert!(uses.note(outside, Use::Reading).is_none(), "{outside}");
        }
        let [one, other] = second;
        drop((first, one));
        assert_eq!(
            (uses.of_slot(0), uses.of_slot(1)),
            (None, Some(Use::Reading))
        );
        drop(other);
        assert_eq!((uses.of_slot(1), uses.of_slot(2)), (None, None));
    }
}
