//! How large a further pool of an output is: a decision without effects.

use crate::arrow_stream::PAGE_BYTES;

/// Fewer than the `queue_size` that dora's inputs have by default.
const FEWEST_SLOTS: u32 = 8;
/// The messages that a node of dora 1.1 takes in before it reads any.
const MOST_SLOTS: u32 = 64;
/// Bytes of a pool that are no reason to have fewer slots.
const LITTLE_BYTES: u64 = (16 << 20) + PAGE_BYTES as u64;

/// What is known when an output needs a further pool. All sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    /// Of the message.
    pub(crate) bytes: usize,
    /// Slots that the output still lacks.
    pub(crate) slots: u32,
    /// Of a slot of the largest pool that the output has outgrown.
    pub(crate) outgrown_slot_bytes: Option<usize>,
    /// Of all pools that the output has outgrown.
    pub(crate) outgrown_bytes: u64,
    /// Left of the bound now.
    pub(crate) left_bytes: u64,
}

/// A pool to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) slot_bytes: usize,
    pub(crate) slots: u32,
}

impl Plan {
    /// Bytes of the pool.
    pub(crate) fn bytes(self) -> u64 {
        segment_bytes(self.slot_bytes, self.slots)
    }
}

/// How many slots an output has for messages of `bytes`, unless it is told otherwise.
pub(crate) fn usual_slots(bytes: usize, is_held_back: bool) -> u32 {
    match is_held_back {
        true => FEWEST_SLOTS,
        false => fitting(bytes, LITTLE_BYTES).clamp(FEWEST_SLOTS, MOST_SLOTS),
    }
}

/// The pool to make; `None` where not a single slot fits.
///
/// Messages that have outgrown a pool get slots with room to grow, as long as all slots that are wanted fit
/// half of what the output can have in the end: the next pool must find room too.
pub(crate) fn plan(situation: &Situation) -> Option<Plan> {
    let Situation {
        bytes,
        slots,
        outgrown_slot_bytes,
        outgrown_bytes,
        left_bytes,
    } = *situation;
    if let Some(outgrown) = outgrown_slot_bytes {
        let half = left_bytes.saturating_add(outgrown_bytes) / 2;
        let doubled = bytes.max(outgrown.saturating_mul(2));
        for roomy in [doubled, bytes.saturating_add(bytes / 4)] {
            if fitting(roomy, left_bytes.min(half)) >= slots {
                return Some(Plan {
                    slot_bytes: roomy,
                    slots,
                });
            }
        }
    }
    let slots = slots.min(fitting(bytes, left_bytes));
    (slots > 0).then_some(Plan {
        slot_bytes: bytes,
        slots,
    })
}

/// How many slots of so many bytes fit one segment of at most `room` bytes. A marker proves only the segment that it
/// lies in, so a pool has one.
pub(crate) fn fitting(slot_bytes: usize, room: u64) -> u32 {
    let segment = room.min(u64::from(u32::MAX) - (1 << 20));
    let slots = segment.saturating_sub(PAGE_BYTES as u64) / whole_pages(slot_bytes);
    u32::try_from(slots).unwrap_or(u32::MAX)
}

/// Bytes of a segment of so many slots, its header included.
pub(crate) fn segment_bytes(slot_bytes: usize, slots: u32) -> u64 {
    let slots = whole_pages(slot_bytes).saturating_mul(u64::from(slots));
    slots.saturating_add(PAGE_BYTES as u64)
}

fn whole_pages(bytes: usize) -> u64 {
    let page = PAGE_BYTES as u64;
    let pages = (bytes as u64).checked_next_multiple_of(page);
    pages.unwrap_or(u64::MAX).max(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn first(bytes: usize, left_mib: u64) -> Option<Plan> {
        plan(&Situation {
            bytes,
            slots: 8,
            outgrown_slot_bytes: None,
            outgrown_bytes: 0,
            left_bytes: left_mib << 20,
        })
    }

    /// The next pool of an output that has one of 8 slots of `outgrown`.
    fn next(bytes: usize, outgrown: usize, left_mib: u64) -> Option<Plan> {
        plan(&Situation {
            bytes,
            slots: 8,
            outgrown_slot_bytes: Some(outgrown),
            outgrown_bytes: segment_bytes(outgrown, 8),
            left_bytes: left_mib << 20,
        })
    }

    fn pool(slot_bytes: usize, slots: u32) -> Option<Plan> {
        Some(Plan { slot_bytes, slots })
    }

    #[test]
    fn an_output_that_drops_has_as_many_slots_as_a_dora_input_takes_in_where_they_are_small() {
        let sizes = [1, 256 << 10, 512 << 10, 2 * MIB, 8 * MIB, usize::MAX];
        assert_eq!(
            sizes.map(|bytes| usual_slots(bytes, false)),
            [64, 64, 32, 8, 8, 8]
        );
        assert_eq!(sizes.map(|bytes| usual_slots(bytes, true)), [8; 6]);
    }

    #[test]
    fn a_first_pool_has_the_slots_that_are_wanted_or_those_that_fit() {
        assert_eq!(first(5000, 256), pool(5000, 8));
        assert_eq!(first(40 * MIB, 256), pool(40 * MIB, 6));
        assert_eq!(first(255 * MIB, 256), pool(255 * MIB, 1));
        assert_eq!(first(256 * MIB, 256), None, "the header needs a page");
        assert_eq!(first(usize::MAX, u64::MAX >> 20), None);
    }

    #[test]
    fn a_further_pool_has_room_to_grow_where_that_leaves_room_for_the_next() {
        assert_eq!(next(MIB + 1, MIB, 248), pool(2 * MIB, 8));
        assert_eq!(next(5 * MIB, MIB, 248), pool(5 * MIB, 8));
        // Doubled it would take 128 MiB and more.
        assert_eq!(next(10 * MIB, 8 * MIB, 192), pool(12 * MIB + MIB / 2, 8));
        assert_eq!(next(17 * MIB, 16 * MIB, 127), pool(17 * MIB, 7));
        assert_eq!(next(33 * MIB, 17 * MIB, 20), None);
    }

    #[test]
    fn a_segment_is_one_that_zenoh_can_address() {
        assert_eq!(fitting(1 << 30, 8 << 30), 3);
        assert_eq!(fitting(4096, 3 * 4096), 2);
        assert_eq!(fitting(1, 4096), 0);
    }
}
