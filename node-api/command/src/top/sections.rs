//! What there is to see, as tables: pools, processes, queues, and files that make no sense. Pure.
//!
//! Names come from other processes, which can write anything there, so they are tamed.

use std::collections::BTreeMap;

use zenoh_pinned::bindings::{
    line::Overflow,
    observation::{
        Identified, Observation, ObservedProcess, ObservedQueue, ObservedSegment, PoolFigures,
        SlotState,
    },
};

use super::table::{Align, Column, Row, Table};
use crate::words;

/// A tab of the screen.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) title: &'static str,
    /// How many things of its kind there are.
    pub(super) count: usize,
    pub(super) table: Table,
}

/// All of them, in the order of the tabs.
pub(super) fn sections(seen: &Observation) -> Vec<Section> {
    vec![pools(seen), processes(seen), queues(seen), files(seen)]
}

/// The machine in two lines.
pub(super) fn heading(seen: &Observation) -> [String; 2] {
    let usage = &seen.usage;
    let folder = match seen.shared_memory {
        Some((free, total)) => format!(
            "/dev/shm {} free of {}",
            words::bytes(free),
            words::bytes(total)
        ),
        None => String::from("/dev/shm is no file system"),
    };
    [
        format!(
            "memory {}, registered {}, limit {}",
            words::bytes(usage.memory_bytes),
            words::bytes(usage.registered_bytes),
            words::bytes(usage.limit_bytes)
        ),
        format!("{folder}, pressure {}", usage.pressure),
    ]
}

const fn left(name: &'static str, width: usize) -> Column {
    Column {
        name,
        width,
        align: Align::Left,
    }
}

const fn right(name: &'static str, width: usize) -> Column {
    Column {
        name,
        width,
        align: Align::Right,
    }
}

/// `17 camera`, or what there is of it: the number first, which stays where there is little room.
fn named(process: &Identified) -> String {
    let end = match process.lives {
        true => "",
        false => " (ended)",
    };
    let name = words::tame(&process.name);
    format!("{}{end} {name}", process.pid).trim_end().to_owned()
}

fn pools(seen: &Observation) -> Section {
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

fn processes(seen: &Observation) -> Section {
    const COLUMNS: &[Column] = &[
        left("PROCESS", 18),
        right("MEMORY", 10),
        right("REGISTERED", 10),
        right("DIRECT", 7),
        right("STAGED", 7),
        right("PAGEABLE", 8),
        right("HOST", 7),
        right("FLYING", 6),
    ];
    Section {
        title: "Processes",
        count: seen.processes.len(),
        table: Table {
            columns: COLUMNS,
            wide: 0,
            rows: seen.processes.iter().flat_map(process_rows).collect(),
        },
    }
}

fn process_rows(process: &ObservedProcess) -> Vec<Row> {
    let usage = &process.usage;
    let mut cells = vec![
        named(&process.process),
        words::bytes(usage.segment_bytes.saturating_add(usage.staging_bytes)),
        words::bytes(usage.registered_bytes),
    ];
    let Some(figures) = &process.figures else {
        cells.resize(8, String::from("-"));
        return vec![Row::Cells(cells)];
    };
    let frames = figures.frames;
    let counted = [
        frames.direct,
        frames.staged,
        frames.pageable,
        frames.host,
        figures.copies_in_flight,
    ];
    cells.extend(counted.map(|number| number.to_string()));
    let mut rows = vec![Row::Cells(cells)];
    rows.extend(figures.reasons.iter().map(|reason| {
        let frames = words::count(reason.frames as usize, "frame", "frames");
        Row::Detail(format!("{frames}: {}", words::tame(&reason.latest)))
    }));
    rows
}

fn queues(seen: &Observation) -> Section {
    const COLUMNS: &[Column] = &[
        left("SUBSCRIBER", 19),
        left("KEY", 12),
        left("PUBLISHER", 19),
        right("UNREAD", 8),
        right("DROPPED", 8),
        right("WRITTEN", 9),
    ];
    let mut queues: Vec<_> = seen.queues.iter().collect();
    let key = |queue: &ObservedQueue| queue.lanes.first().map(|lane| lane.key.clone());
    queues.sort_by_cached_key(|queue| (queue.subscriber.pid, key(queue), queue.id));
    Section {
        title: "Queues",
        count: seen.queues.len(),
        table: Table {
            columns: COLUMNS,
            wide: 1,
            rows: queues.into_iter().flat_map(queue_rows).collect(),
        },
    }
}

fn queue_rows(queue: &ObservedQueue) -> Vec<Row> {
    let rows = queue.lanes.iter().map(|lane| {
        Row::Cells(vec![
            named(&queue.subscriber),
            words::tame(&lane.key),
            named(&lane.publisher),
            format!("{}/{}", lane.unread, queue.capacity),
            match queue.overflow {
                Overflow::Refuse => String::from("refuses"),
                _ => lane.dropped.to_string(),
            },
            lane.written.to_string(),
        ])
    });
    let mut rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        let cells = [named(&queue.subscriber), String::from("no publisher")];
        let nothing = std::iter::repeat_n(String::from("-"), 4);
        rows.push(Row::Cells(cells.into_iter().chain(nothing).collect()));
    }
    rows
}

fn files(seen: &Observation) -> Section {
    const COLUMNS: &[Column] = &[left("FILE THAT MAKES NO SENSE", 28), left("WHY", 40)];
    let rows = seen.unreadable.iter().map(|one| {
        let cells = vec![words::tame(&one.file), one.why.to_owned()];
        Row::Cells(cells)
    });
    Section {
        title: "Files",
        count: seen.unreadable.len(),
        table: Table {
            columns: COLUMNS,
            wide: 1,
            rows: rows.collect(),
        },
    }
}

#[cfg(test)]
pub(super) mod tests {
    use zenoh_pinned::bindings::observation::{ObservedLane, ProcessFigures, ReasonFigures};

    use super::*;

    fn process(pid: u32, name: &str) -> Identified {
        let mut process = Identified::default();
        process.pid = pid;
        process.name = name.to_owned();
        process.lives = true;
        process
    }

    /// Ten pools in two segments each, with fifty consumers that all have a queue.
    pub(crate) fn a_busy_machine() -> Observation {
        let mut seen = Observation::default();
        let consumers: Vec<_> = (0..50)
            .map(|index| process(500 + index, "detector"))
            .collect();
        for pool in 0..10 {
            let producer = process(100 + pool, "camera-node");
            for part in 0..2 {
                let mut segment = ObservedSegment::default();
                segment.id = 2 * pool + part;
                segment.pool = format!("camera/{pool}");
                segment.producer = producer.clone();
                segment.bytes = 4 << 20;
                segment.slots = vec![
                    SlotState::Free,
                    SlotState::Held { references: 2 },
                    SlotState::Unconfirmed { references: 1 },
                ];
                segment.attached = consumers.clone();
                seen.segments.push(segment);
            }
            let mut figures = PoolFigures::default();
            figures.name = format!("camera/{pool}");
            figures.quarantined = 2;
            figures.quarantine_reason = String::from("a consumer stands still");
            let mut observed = ObservedProcess::default();
            observed.process = producer;
            let mut of_process = ProcessFigures::default();
            of_process.pools.push(figures);
            observed.figures = Some(of_process);
            seen.processes.push(observed);
        }
        for consumer in consumers {
            let mut queue = ObservedQueue::default();
            queue.subscriber = consumer.clone();
            queue.capacity = 4;
            let mut lane = ObservedLane::default();
            lane.publisher = process(100, "camera-node");
            lane.key = String::from("camera/0");
            (lane.written, lane.unread, lane.dropped) = (1000, 3, 7);
            queue.lanes.push(lane);
            seen.queues.push(queue);
            let mut observed = ObservedProcess::default();
            observed.process = consumer;
            let mut figures = ProcessFigures::default();
            figures.frames.host = 1000;
            let mut reason = ReasonFigures::default();
            reason.frames = 1000;
            reason.latest = String::from("no CUDA driver (libcuda.so) on this machine");
            figures.reasons.push(reason);
            observed.figures = Some(figures);
            seen.processes.push(observed);
        }
        seen
    }

    fn cells(row: &Row) -> Vec<&str> {
        match row {
            Row::Cells(cells) => cells.iter().map(String::as_str).collect(),
            Row::Detail(text) => vec![text],
        }
    }

    #[test]
    fn a_pool_is_one_row_over_all_of_its_segments_with_who_may_hold_its_slots() {
        let seen = a_busy_machine();
        let pools = &sections(&seen)[0];
        assert_eq!(pools.count, 10);
        let rows = &pools.table.rows;
        let first = [
            "camera/0",
            "100 camera-node",
            ".#?.#?",
            "2",
            "2",
            "2",
            "0",
            "8.0 MiB",
        ];
        assert_eq!(cells(&rows[0]), first);
        assert!(cells(&rows[1])[0].starts_with("attached: 500 detector, 501 detector"));
        assert_eq!(cells(&rows[2])[0], "quarantined 2: a consumer stands still");
    }

    #[test]
    fn an_allocation_that_waits_at_several_segments_of_one_size_is_counted_once() {
        let segments = [(4096, 2), (4096, 1), (8192, 1)].map(|(slot_bytes, waiting)| {
            let mut segment = ObservedSegment::default();
            (segment.slot_bytes, segment.waiting) = (slot_bytes, waiting);
            segment
        });
        let mut seen = Observation::default();
        seen.segments = segments.to_vec();
        assert_eq!(cells(&sections(&seen)[0].table.rows[0])[6], "3");
    }

    #[test]
    fn a_process_has_its_paths_and_reasons_and_one_that_says_nothing_has_dashes() {
        let mut seen = a_busy_machine();
        seen.processes.truncate(11);
        seen.processes[0].figures = None;
        let processes = &sections(&seen)[1];
        let rows = &processes.table.rows;
        assert_eq!(cells(&rows[0])[3..], ["-"; 5]);
        let consumer = &rows[rows.len() - 2..];
        assert_eq!(cells(&consumer[0])[6], "1000");
        let reason = "1000 frames: no CUDA driver (libcuda.so) on this machine";
        assert_eq!(cells(&consumer[1]), [reason]);
    }

    #[test]
    fn a_process_that_has_ended_is_shown_as_such_before_its_name_is_cut() {
        let mut ended = process(17, "camera-node");
        ended.lives = false;
        assert_eq!(named(&ended), "17 (ended) camera-node");
        assert_eq!(named(&process(17, "")), "17");
    }

    #[test]
    fn a_queue_has_a_row_for_each_publisher() {
        let mut seen = a_busy_machine();
        seen.queues.truncate(2);
        seen.queues[1].lanes.clear();
        let queues = &sections(&seen)[2];
        let rows = &queues.table.rows;
        let first = [
            "500 detector",
            "camera/0",
            "100 camera-node",
            "3/4",
            "7",
            "1000",
        ];
        assert_eq!(cells(&rows[0]), first);
        assert_eq!(cells(&rows[1])[1], "no publisher");
    }

    #[test]
    fn names_that_others_wrote_give_the_terminal_no_orders() {
        let mut seen = a_busy_machine();
        seen.segments.truncate(1);
        seen.segments[0].pool = String::from("\x1b]0;owned\x07");
        seen.segments[0].producer.name = String::from("a\nb");
        let row = &sections(&seen)[0].table.rows[0];
        assert_eq!(cells(row)[..2], ["?]0;owned?", "100 a?b"]);
    }
}
