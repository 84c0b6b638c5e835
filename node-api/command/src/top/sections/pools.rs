//! Pools of memory, their slots, and who can hold them. Pure.

use std::collections::BTreeMap;

use zenoh_pinned::bindings::observation::{Observation, ObservedSegment, PoolFigures, SlotState};

use super::section::{Section, left, named, right};
use crate::{
    top::table::{Column, Row, Table},
    words,
};

pub(super) fn pools(seen: &Observation) -> Section {
    const COLUMNS: &[Column] = &[
        left("POOL", 16),
        left("PRODUCER", 19),
        left("SLOTS", 12),
        right("FREE", 4),
        right("HELD", 4),
        right("?", 3),
        right("WAIT", 4),
        right("MEMORY", 10),
    ];
    let mut pools: Vec<Vec<&ObservedSegment>> = Vec::new();
    for segment in &seen.segments {
        let is_of = |pool: &&mut Vec<&ObservedSegment>| {
            pool.first().is_some_and(|one| is_one_pool(one, segment))
        };
        match pools.iter_mut().find(is_of) {
            Some(pool) => pool.push(segment),
            None => pools.push(vec![segment]),
        }
    }
    pools.sort_by(|one, other| {
        (&one[0].pool, &one[0].producer).cmp(&(&other[0].pool, &other[0].producer))
    });
    Section {
        title: "Pools",
        count: pools.len(),
        table: Table {
            columns: COLUMNS,
            wide: 2,
            rows: pools
                .iter()
                .flat_map(|pool| pool_rows(pool, seen))
                .collect(),
        },
    }
}

fn is_one_pool(one: &ObservedSegment, other: &ObservedSegment) -> bool {
    one.pool == other.pool && one.producer == other.producer
}

fn pool_rows(segments: &[&ObservedSegment], seen: &Observation) -> Vec<Row> {
    let Some(first) = segments.first() else {
        return Vec::new();
    };
    let slots = || segments.iter().flat_map(|segment| &segment.slots);
    let number = |is: fn(&SlotState) -> bool| slots().filter(|slot| is(slot)).count().to_string();
    let cells = vec![
        words::tame(&first.pool),
        named(&first.producer),
        slots().map(letter).collect(),
        number(|slot| matches!(slot, SlotState::Free)),
        number(|slot| matches!(slot, SlotState::Held { .. })),
        number(|slot| matches!(slot, SlotState::Unconfirmed { .. })),
        waiting(segments).to_string(),
        words::bytes(segments.iter().map(|segment| segment.bytes).sum()),
    ];
    let mut rows = vec![Row::Cells(cells)];
    let mut attached: Vec<_> = segments
        .iter()
        .flat_map(|segment| &segment.attached)
        .collect();
    attached.sort();
    attached.dedup();
    if !attached.is_empty() {
        let names: Vec<_> = attached.into_iter().map(named).collect();
        rows.push(Row::Detail(format!("attached: {}", names.join(", "))));
    }
    if let Some(figures) = figures_of(first, seen)
        && figures.quarantined > 0
    {
        rows.push(Row::Detail(format!(
            "quarantined {}: {}",
            figures.quarantined,
            words::tame(&figures.quarantine_reason)
        )));
    }
    rows
}

/// An allocation waits at every segment of its size, so it is counted once for each size.
fn waiting(segments: &[&ObservedSegment]) -> u64 {
    let mut by_size = BTreeMap::<u64, u32>::new();
    for segment in segments {
        let most = by_size.entry(segment.slot_bytes).or_default();
        *most = segment.waiting.max(*most);
    }
    by_size.into_values().map(u64::from).sum()
}

/// What the pool's producer says of it.
fn figures_of<'seen>(
    segment: &ObservedSegment,
    seen: &'seen Observation,
) -> Option<&'seen PoolFigures> {
    let mut processes = seen.processes.iter();
    let producer = processes.find(|process| process.process == segment.producer)?;
    let mut pools = producer.figures.as_ref()?.pools.iter();
    pools.find(|pool| pool.name == segment.pool)
}

fn letter(slot: &SlotState) -> char {
    match slot {
        SlotState::Free => '.',
        SlotState::Held { .. } => '#',
        SlotState::Unconfirmed { .. } => '?',
    }
}
