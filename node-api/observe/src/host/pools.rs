//! Pools: their segments slot by slot, who has them attached, and what their process has counted.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use zenoh_pinned::bindings::observation::{
    Identified, Observation, ObservedSegment, PoolFigures, SlotState,
};

use super::{identified, left_out, listed};
use crate::{Families, Figures};

/// Slots that the JSON shows one by one: of all pools together, and of a segment. All of them are counted.
const MAPPED: usize = 256 << 10;
const MAPPED_OF_SEGMENT: usize = 4096;
/// Segments, and processes that have them attached, of a pool in the JSON.
const SEGMENTS: usize = 16;
const ATTACHED: usize = 32;

/// What belongs together: a pool's segments, and what its process says of it.
struct Pool<'a> {
    name: &'a str,
    producer: &'a Identified,
    segments: Vec<&'a ObservedSegment>,
    figures: Option<PoolFigures>,
}

#[derive(Default)]
struct Slots {
    free: u64,
    held: u64,
    unconfirmed: u64,
}

impl Slots {
    fn by_state(&self) -> [(&'static str, u64); 3] {
        [
            ("free", self.free),
            ("held", self.held),
            ("unconfirmed", self.unconfirmed),
        ]
    }
}

pub(super) fn figures(observation: &Observation) -> Figures {
    let pools = pools(observation);
    let mut families = Families::default();
    for pool in &pools {
        add_to(&mut families, pool);
    }
    let mut left = MAPPED;
    let state = listed(&pools).iter().map(|pool| pool.state(&mut left));
    Figures::new(state.collect()).with(families)
}

/// How many pools the JSON has not.
pub(super) fn pools_left_out(observation: &Observation) -> usize {
    left_out(&pools(observation))
}

/// By name and producer; a process's pools of one name are shown as one.
fn pools(observation: &Observation) -> Vec<Pool<'_>> {
    let mut pools = BTreeMap::new();
    for segment in &observation.segments {
        let pool = pool_of(&mut pools, &segment.pool, &segment.producer);
        pool.segments.push(segment);
    }
    for process in &observation.processes {
        for figures in process.figures.iter().flat_map(|figures| &figures.pools) {
            let pool = pool_of(&mut pools, &figures.name, &process.process);
            match &mut pool.figures {
                Some(sum) => add(sum, figures),
                none => *none = Some(figures.clone()),
            }
        }
    }
    pools.into_values().collect()
}

type Key<'a> = (&'a str, u32, u64);

fn pool_of<'a, 'b>(
    pools: &'b mut BTreeMap<Key<'a>, Pool<'a>>,
    name: &'a str,
    producer: &'a Identified,
) -> &'b mut Pool<'a> {
    let pool = pools.entry((name, producer.pid, producer.started));
    pool.or_insert_with(|| Pool {
        name,
        producer,
        segments: Vec::new(),
        figures: None,
    })
}

fn add(sum: &mut PoolFigures, more: &PoolFigures) {
    sum.slots = sum.slots.saturating_add(more.slots);
    sum.in_use = sum.in_use.saturating_add(more.in_use);
    sum.quarantined = sum.quarantined.saturating_add(more.quarantined);
    if sum.quarantine_reason.is_empty() {
        sum.quarantine_reason.clone_from(&more.quarantine_reason);
    }
    sum.allocations = sum.allocations.saturating_add(more.allocations);
    sum.waits = sum.waits.saturating_add(more.waits);
    sum.timeouts = sum.timeouts.saturating_add(more.timeouts);
    sum.waited = sum.waited.saturating_add(more.waited);
    sum.reclaimed = sum.reclaimed.saturating_add(more.reclaimed);
    sum.rejected_releases = sum.rejected_releases.saturating_add(more.rejected_releases);
}

impl Pool<'_> {
    /// `left`: how many slots may still be shown one by one.
    fn state(&self, left: &mut usize) -> Value {
        let slots = self.slots();
        let attached = self.attached();
        let segments = self.segments.iter().take(SEGMENTS).map(|segment| {
            let shown = segment.slots.len().min(MAPPED_OF_SEGMENT).min(*left);
            *left -= shown;
            let map: String = segment.slots[..shown].iter().map(character).collect();
            json!({
                "id": segment.id,
                "slot_bytes": segment.slot_bytes,
                "bytes": segment.bytes,
                "map": map,
            })
        });
        let segments: Vec<_> = segments.collect();
        json!({
            "name": self.name,
            "producer": identified(self.producer),
            "bytes": self.bytes(),
            "waiting": self.waiting(),
            "slots": slots.free + slots.held + slots.unconfirmed,
            "free": slots.free,
            "held": slots.held,
            "unconfirmed": slots.unconfirmed,
            "segments": segments,
            "attached": attached.into_iter().take(ATTACHED).map(identified).collect::<Vec<_>>(),
            "figures": self.figures.as_ref().map(|figures| json!({
                "allocations": figures.allocations,
                "waits": figures.waits,
                "timeouts": figures.timeouts,
                "waited_seconds": figures.waited.as_secs_f64(),
                "reclaimed": figures.reclaimed,
                "rejected_releases": figures.rejected_releases,
                "quarantined": figures.quarantined,
                "quarantine_reason": figures.quarantine_reason,
            })),
        })
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// An allocation waits at every segment of its size, so it is counted once for each size.
    fn waiting(&self) -> u64 {
        let mut by_size = BTreeMap::<u64, u32>::new();
        for segment in &self.segments {
            let most = by_size.entry(segment.slot_bytes).or_default();
            *most = segment.waiting.max(*most);
        }
        by_size.into_values().map(u64::from).sum()
    }

    fn slots(&self) -> Slots {
        let mut slots = Slots::default();
        for slot in self.segments.iter().flat_map(|segment| &segment.slots) {
            match slot {
                SlotState::Free => slots.free += 1,
                SlotState::Held { .. } => slots.held += 1,
                SlotState::Unconfirmed { .. } => slots.unconfirmed += 1,
            }
        }
        slots
    }

    fn attached(&self) -> Vec<&Identified> {
        let attached = self.segments.iter().flat_map(|segment| &segment.attached);
        let by_process = attached.map(|process| ((process.pid, process.started), process));
        by_process
            .collect::<BTreeMap<_, _>>()
            .into_values()
            .collect()
    }
}

fn character(slot: &SlotState) -> char {
    match slot {
        SlotState::Free => '.',
        SlotState::Held { .. } => '#',
        SlotState::Unconfirmed { .. } => '?',
    }
}

fn add_to(families: &mut Families, pool: &Pool<'_>) {
    let pid = pool.producer.pid.to_string();
    let name = ("pool", pool.name);
    let process = ("process", &*pool.producer.name);
    let labels = [name, process, ("pid", &*pid)];
    let mut gauge = |name, help, value| families.gauge(name, help).add(&labels, value);
    gauge(
        "zenoh_pinned_pool_bytes",
        "Bytes of the pool's segments.",
        pool.bytes() as f64,
    );
    gauge(
        "zenoh_pinned_pool_segments",
        "Segments of the pool.",
        pool.segments.len() as f64,
    );
    gauge(
        "zenoh_pinned_pool_waiting_allocations",
        "Allocations that wait for a slot at the moment.",
        pool.waiting() as f64,
    );
    gauge(
        "zenoh_pinned_pool_attached_processes",
        "Other processes that have a segment of the pool attached.",
        pool.attached().len() as f64,
    );
    for (state, count) in pool.slots().by_state() {
        families
            .gauge(
                "zenoh_pinned_pool_slots",
                "Slots of the pool: free, held, or held by nobody who confirms it (unconfirmed).",
            )
            .add(
                &[name, process, ("pid", &pid), ("state", state)],
                count as f64,
            );
    }
    if let Some(figures) = &pool.figures {
        add_figures(families, &labels, figures);
    }
}

fn add_figures(families: &mut Families, labels: &[(&'static str, &str)], figures: &PoolFigures) {
    families
        .gauge(
            "zenoh_pinned_pool_quarantined_slots",
            "Slots that their producer may not take back yet: their holder is not proven to be gone.",
        )
        .add(labels, f64::from(figures.quarantined));
    let mut counter = |name, help, value| families.counter(name, help).add(labels, value);
    counter(
        "zenoh_pinned_pool_allocations_total",
        "Slots handed out.",
        figures.allocations as f64,
    );
    counter(
        "zenoh_pinned_pool_allocation_waits_total",
        "Allocations that waited for a slot.",
        figures.waits as f64,
    );
    counter(
        "zenoh_pinned_pool_allocation_timeouts_total",
        "Allocations that failed because their deadline passed.",
        figures.timeouts as f64,
    );
    counter(
        "zenoh_pinned_pool_allocation_wait_seconds_total",
        "Time that allocations spent waiting.",
        figures.waited.as_secs_f64(),
    );
    counter(
        "zenoh_pinned_pool_reclaimed_slots_total",
        "Slots taken back from consumers that had died.",
        figures.reclaimed as f64,
    );
    counter(
        "zenoh_pinned_pool_rejected_releases_total",
        "Releases that named no allocated slot.",
        figures.rejected_releases as f64,
    );
}
