//! The arithmetic of a segment: header page, then slots of whole pages, within what a chunk id reaches.

use crate::os;

/// A chunk id is a byte offset of 32 bits, so a segment ends at 4 GiB.
pub(crate) const MAX_SEGMENT_BYTES: u64 = 1 << 32;

/// Where the slots of a segment lie. All sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLayout {
    slot_bytes: usize,
    slots: u32,
    total_bytes: usize,
}

impl SegmentLayout {
    /// `None` where a size is zero, not whole pages, or the segment would reach beyond 4 GiB.
    pub fn new(slot_bytes: usize, slots: u32) -> Option<Self> {
        if slot_bytes == 0 || slots == 0 || !slot_bytes.is_multiple_of(os::page_bytes()) {
            return None;
        }
        let total_bytes = slot_bytes
            .checked_mul(usize::try_from(slots).ok()?)?
            .checked_add(Self::header_bytes())?;
        if total_bytes as u64 > MAX_SEGMENT_BYTES {
            return None;
        }
        Some(Self {
            slot_bytes,
            slots,
            total_bytes,
        })
    }

    /// The page in front of the first slot.
    pub fn header_bytes() -> usize {
        os::page_bytes()
    }

    /// The largest slot that fits a segment.
    pub(crate) fn max_slot_bytes() -> usize {
        let room = MAX_SEGMENT_BYTES - Self::header_bytes() as u64;
        usize::try_from(room).unwrap_or(usize::MAX) & !(os::page_bytes() - 1)
    }

    /// How many slots of `slot_bytes` fit one segment.
    pub fn max_slots(slot_bytes: usize) -> u32 {
        let fitting = Self::max_slot_bytes() / slot_bytes.max(1);
        u32::try_from(fitting).unwrap_or(u32::MAX)
    }

    /// Of each slot.
    pub fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// At least one.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// Of the header page and all slots.
    pub fn total_bytes(&self) -> usize {
        self.total_bytes
    }

    /// The offset of slot `index`.
    pub fn offset_of(&self, index: u32) -> usize {
        Self::header_bytes() + index as usize * self.slot_bytes
    }

    /// The slot that starts at `offset`; `None` for any other offset.
    pub fn slot_at(&self, offset: usize) -> Option<u32> {
        let behind_header = offset.checked_sub(Self::header_bytes())?;
        if !behind_header.is_multiple_of(self.slot_bytes) {
            return None;
        }
        let index = u32::try_from(behind_header / self.slot_bytes).ok()?;
        (index < self.slots).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_misaligned_overflowing_and_over_4_gib_sizes_are_refused() {
        let page = os::page_bytes();
        assert_eq!(SegmentLayout::new(0, 1), None);
        assert_eq!(SegmentLayout::new(page, 0), None);
        assert_eq!(SegmentLayout::new(page + 1, 1), None);
        assert_eq!(SegmentLayout::new(usize::MAX & !(page - 1), 2), None);
        assert_eq!(SegmentLayout::new(1 << 32, 1), None);
        assert_eq!(SegmentLayout::new(1 << 30, 4), None);
        assert!(SegmentLayout::new(SegmentLayout::max_slot_bytes(), 1).is_some());
        assert!(SegmentLayout::new(1 << 30, SegmentLayout::max_slots(1 << 30)).is_some());
    }

    #[test]
    fn only_the_start_of_a_slot_is_a_slot() {
        let page = os::page_bytes();
        let layout = SegmentLayout::new(2 * page, 3).unwrap();
        for index in 0..3 {
            assert_eq!(layout.slot_at(layout.offset_of(index)), Some(index));
        }
        assert_eq!(layout.slot_at(0), None);
        assert_eq!(layout.slot_at(2 * page), None);
        assert_eq!(layout.slot_at(layout.offset_of(3)), None);
    }
}
