//! A header page is refused, or describes exactly the segment that it was found in.
//!
//! Input: the segment's size (8 bytes), then the page.

use zenoh_pinned::internals::{SegmentHeader, SegmentLayout, page_bytes, release_words};

use crate::{Seed, Target, page::Page, reader::Reader};

pub(crate) const TARGET: Target = Target {
    name: "header",
    check,
    seeds,
};

const MAX_NAME_BYTES: usize = 64;

fn check(input: &[u8]) {
    let mut reader = Reader::of(input);
    let Ok(segment_bytes) = usize::try_from(reader.u64()) else {
        return;
    };
    let mut page = Page::beginning_with(reader.rest());
    // SAFETY: the page is aligned, writable and outlives the words.
    let words = unsafe { release_words(page.base()) };
    // Any two words will do.
    drop(words.begin_waiting());
    words.announce(|_| ());
    // SAFETY: the page is aligned and at least as long as a page of this machine; of the segment behind it
    // nothing else is read.
    let Some(found) = (unsafe { SegmentHeader::read(page.base(), segment_bytes) }) else {
        return;
    };
    let layout = found.layout;
    assert_eq!(layout.total_bytes(), segment_bytes);
    assert!(segment_bytes as u64 <= 1 << 32);
    assert!(layout.slots() > 0 && layout.slot_bytes().is_multiple_of(page_bytes()));
    let last = layout.offset_of(layout.slots() - 1);
    assert_eq!(last + layout.slot_bytes(), segment_bytes);
    assert!(found.pool_name.len() <= MAX_NAME_BYTES);
    assert!(i32::try_from(found.producer_pid).is_ok_and(|pid| pid > 0));

    let mut written = Page::beginning_with(&[]);
    // SAFETY: a page of its own, aligned and writable.
    unsafe { found.write(written.base()) };
    // SAFETY: as above.
    let again = unsafe { SegmentHeader::read(written.base(), segment_bytes) };
    assert_eq!(again.as_ref(), Some(&found), "it reads back as written");
}

fn seeds() -> Vec<Seed> {
    let slot_bytes = 2 * page_bytes() as u64;
    let valid = |slots: u64| page(page_bytes() as u64 + slots * slot_bytes, slots);
    let mut seeds = vec![
        (String::from("valid"), valid(3)),
        (String::from("valid-one-slot"), valid(1)),
        (String::from("empty"), Vec::new()),
    ];
    let fields: [(&str, usize, usize); 9] = [
        ("segment", 0, 8),
        ("magic", 8, 8),
        ("version", 16, 4),
        ("pid", 20, 4),
        ("start", 24, 8),
        ("slot-bytes", 32, 8),
        ("slots", 40, 4),
        ("name-bytes", 44, 4),
        ("name", 48, 64),
    ];
    for (name, at, bytes) in fields {
        for (kind, value) in [("zero", 0u8), ("ones", 0xff), ("high", 0x80)] {
            let mut hostile = valid(3);
            hostile[at..at + bytes].fill(value);
            seeds.push((format!("{name}-{kind}"), hostile));
        }
    }
    // Slots that fit only where the multiplication wraps around.
    let mut wrapping = valid(3);
    wrapping[32..40].copy_from_slice(&(1u64 << 62).to_le_bytes());
    wrapping[40..44].copy_from_slice(&4u32.to_le_bytes());
    wrapping[..8].copy_from_slice(&(page_bytes() as u64).to_le_bytes());
    seeds.push((String::from("slots-wrap-around"), wrapping));
    seeds
}

fn page(segment_bytes: u64, slots: u64) -> Vec<u8> {
    let slot_bytes = (segment_bytes - page_bytes() as u64) / slots;
    let layout = SegmentLayout::new(slot_bytes as usize, slots as u32);
    let mut seed = segment_bytes.to_le_bytes().to_vec();
    let Some(layout) = layout else { return seed };
    let header = SegmentHeader {
        pool_name: String::from("front camera"),
        layout,
        producer_pid: 4711,
        producer_start: 123_456,
        is_sealed: true,
    };
    let mut page = Page::beginning_with(&[]);
    let base = page.base();
    // SAFETY: a page of its own, aligned and writable.
    unsafe { header.write(base) };
    // SAFETY: the fields lie in the first 112 bytes of the page, which were all written or zero before.
    seed.extend_from_slice(unsafe { std::slice::from_raw_parts(base.as_ptr(), 112) });
    seed
}
