//! The arithmetic of slots stays within the segment, and a chunk descriptor names a slot or nothing.
//!
//! Input: slot size (8 bytes), slots (4), the offset that a chunk descriptor names (4).

use zenoh_pinned::internals::{SegmentLayout, page_bytes};

use crate::{Seed, Target, reader::Reader};

pub(crate) const TARGET: Target = Target {
    name: "layout",
    check,
    seeds,
};

fn check(input: &[u8]) {
    let mut reader = Reader::of(input);
    let Ok(slot_bytes) = usize::try_from(reader.u64()) else {
        return;
    };
    let slots = reader.u32();
    let offset = reader.u32() as usize;
    let most = SegmentLayout::max_slots(slot_bytes);
    let Some(layout) = SegmentLayout::new(slot_bytes, slots) else {
        let is_size = slot_bytes > 0 && slot_bytes.is_multiple_of(page_bytes());
        assert!(
            !is_size || slots == 0 || slots > most,
            "refused for nothing"
        );
        return;
    };
    assert!(slots <= most);
    assert!(layout.total_bytes() as u64 <= 1 << 32);
    for index in [0, slots / 2, slots - 1] {
        let start = layout.offset_of(index);
        assert!(start + slot_bytes <= layout.total_bytes());
        assert!(start >= SegmentLayout::header_bytes());
        assert_eq!(layout.slot_at(start), Some(index));
        assert_eq!(layout.slot_at(start + 1), None);
    }
    assert_eq!(layout.slot_at(layout.total_bytes()), None);
    if let Some(index) = layout.slot_at(offset) {
        assert!(index < slots);
        assert_eq!(layout.offset_of(index), offset);
    }
}

fn seeds() -> Vec<Seed> {
    let page = page_bytes() as u64;
    let cases = [
        ("first-slot", 2 * page, 3, page),
        ("last-slot", 2 * page, 3, 5 * page),
        ("behind-the-last", 2 * page, 3, 7 * page),
        ("in-the-header", 2 * page, 3, 0),
        ("inside-a-slot", 2 * page, 3, 2 * page),
        ("4-gib", 1 << 30, 3, page),
        ("beyond-4-gib", 1 << 30, 4, page),
        ("largest-slot", (1 << 32) - page, 1, page),
        (
            "most-slots",
            page,
            (1 << 32) / page - 1,
            u64::from(u32::MAX),
        ),
        ("wraps-around", 1 << 62, 4, page),
        ("not-whole-pages", page + 1, 3, page),
    ];
    let seed = |(name, slot_bytes, slots, offset): (&str, u64, u64, u64)| {
        let mut input = slot_bytes.to_le_bytes().to_vec();
        input.extend_from_slice(&(slots as u32).to_le_bytes());
        input.extend_from_slice(&(offset as u32).to_le_bytes());
        (name.to_owned(), input)
    };
    cases.map(seed).to_vec()
}
