//! What the files in `/dev/shm` are: segments of pools, inboxes, zenoh's metadata.

use std::{collections::BTreeMap, os::fd::OwnedFd};

use super::{Identified, ObservedLane, ObservedQueue, ObservedSegment, SlotState, Unreadable};
use crate::{
    line::{SEEN_BYTES, Seen, SeenLane},
    os::{
        Errno,
        file::{self, Access, Identity},
    },
    reclaim::{self, HEADERS_BYTES},
    segment::{SegmentHeader, layout::SegmentLayout},
};

/// How often an inbox is read again that may have been written to meanwhile.
const READINGS: usize = 8;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) segments: Vec<(Identity, ObservedSegment)>,
    pub(super) queues: Vec<ObservedQueue>,
    pub(super) unreadable: Vec<Unreadable>,
    /// References that are out, by segment and chunk, and whether somebody confirms them.
    references: BTreeMap<(u32, u32), (u32, bool)>,
}

impl Found {
    /// Looks at every file that this user alone may open.
    ///
    /// # Errors
    /// `/dev/shm` cannot be listed, or no descriptor is left.
    pub(super) fn now() -> Result<Self, Errno> {
        let mut found = Self::default();
        for id in file::named_ids()? {
            // Else gone meanwhile, or another user's.
            if let Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) = found.look_at(id) {
                return Err(error);
            }
        }
        let references = std::mem::take(&mut found.references);
        for (_, segment) in &mut found.segments {
            segment.slots = slots_of(segment, &references);
        }
        Ok(found)
    }

    fn look_at(&mut self, id: u32) -> Result<(), Errno> {
        let file = file::open_to_look(id)?;
        let (identity, bytes) = file::inspect(&file)?;
        if !Access::of(&file)?.is_of_this_user_alone() {
            return Ok(());
        }
        if reclaim::may_be_metadata(bytes) {
            let headers = file::read_at(&file, 0, HEADERS_BYTES)?;
            for seen in reclaim::chunks_in(&headers) {
                let (references, confirmed) = self
                    .references
                    .entry((seen.segment, seen.chunk))
                    .or_insert((0, false));
                *references = references.saturating_add(seen.references);
                *confirmed |= !seen.invalidated;
            }
        }
        let header_bytes = SegmentLayout::header_bytes();
        let start = file::read_at(&file, 0, header_bytes + SEEN_BYTES)?;
        let (page, behind) = start.split_at(header_bytes.min(start.len()));
        if !SegmentHeader::begins(page) {
            return Ok(());
        }
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        let Some((header, waiting)) = SegmentHeader::of_copy(page, length) else {
            self.unreadable(
                id,
                "its header page does not fit its size, or was overwritten",
            );
            return Ok(());
        };
        let producer = Identified::by_start(header.producer_pid, header.producer_start);
        // An inbox is a segment of one slot; what lies in a pool's first slot is its user's.
        let seen = match header.layout.slots() {
            1 => seen_again(&file, header_bytes, Seen::of(behind)),
            _ => Seen::Other,
        };
        match seen {
            Seen::Nonsense(why) => self.unreadable(id, why),
            Seen::Inbox(inbox) => self.queues.push(ObservedQueue {
                id,
                subscriber: producer,
                capacity: inbox.capacity,
                overflow: inbox.overflow,
                lanes: inbox.lanes.into_iter().map(lane).collect(),
            }),
            Seen::Other => {
                let segment = ObservedSegment {
                    id,
                    pool: header.pool_name,
                    producer,
                    slot_bytes: header.layout.slot_bytes() as u64,
                    bytes,
                    waiting,
                    slots: vec![SlotState::Free; header.layout.slots() as usize],
                    attached: Vec::new(),
                };
                self.segments.push((identity, segment));
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, id: u32, why: &'static str) {
        let file = file::path_of(id);
        self.unreadable.push(Unreadable { file, why });
    }
}

/// What stands behind a header page, read again where it makes no sense: its publisher and its reader may have been at it.
fn seen_again(file: &OwnedFd, header_bytes: usize, first: Seen) -> Seen {
    let mut seen = first;
    for _ in 0..READINGS {
        if !matches!(seen, Seen::Nonsense(_)) {
            return seen;
        }
        std::thread::yield_now();
        let again = file::read_at(file, header_bytes as u64, SEEN_BYTES);
        seen = again.map_or(seen, |bytes| Seen::of(&bytes));
    }
    seen
}

fn lane(seen: SeenLane) -> ObservedLane {
    ObservedLane {
        publisher: Identified::by_start(seen.pid, seen.started),
        key: seen.key,
        written: seen.written,
        unread: seen.unread,
        dropped: seen.overwritten,
    }
}

fn slots_of(
    segment: &ObservedSegment,
    references: &BTreeMap<(u32, u32), (u32, bool)>,
) -> Vec<SlotState> {
    let mut slots = segment.slots.clone();
    let slot_bytes = usize::try_from(segment.slot_bytes).unwrap_or(usize::MAX);
    let count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
    let Some(layout) = SegmentLayout::new(slot_bytes, count) else {
        return slots;
    };
    let of_segment = references.range((segment.id, 0)..=(segment.id, u32::MAX));
    for (&(_, chunk), &(references, confirmed)) in of_segment {
        let slot = layout.slot_at(chunk as usize);
        if let Some(state) = slot.and_then(|slot| slots.get_mut(slot as usize)) {
            *state = match confirmed {
                true => SlotState::Held { references },
                false => SlotState::Unconfirmed { references },
            };
        }
    }
    slots
}
