//! Tables of a busy machine, row by row.

use zenoh_pinned::bindings::{
    line::Peer,
    observation::{
        Identified, Observation, ObservedLane, ObservedProcess, ObservedQueue, ObservedSegment,
        PoolFigures, ProcessFigures, ReasonFigures, SlotState,
    },
};
use zenoh_pinned_observe::{ObservedPool, ObservedWorkers, SaidOfWorker, SaidOfWorkers};

use super::{section::named, *};
use crate::top::table::Row;

fn process(pid: u32, name: &str) -> Identified {
    let mut process = Identified::default();
    process.pid = pid;
    process.name = name.to_owned();
    process.lives = true;
    process
}

/// Nobody does anything.
pub(crate) fn nothing() -> Seen {
    Seen {
        observation: Observation::default(),
        workers: Ok(ObservedWorkers::default()),
    }
}

/// Ten pools in two segments each, with fifty consumers that all have a queue; and two pools of workers.
pub(crate) fn a_busy_machine() -> Seen {
    let well = workers_of(100, "detector");
    let mut ill = workers_of(9, "ocr");
    ill.said.not_ready = Some(String::from("no worker can be started: no such file"));
    ill.said.breaker = String::from("open");
    ill.said.workers[1].state = String::from("failed");
    ill.said.workers[1].why_failed = Some(String::from("no such \x1b[2Jmodel"));
    ill.silent = std::time::Duration::from_secs(17);
    Seen {
        observation: busy_memory(),
        workers: Ok(ObservedWorkers {
            pools: vec![well, ill],
            ..Default::default()
        }),
    }
}

fn workers_of(pid: u32, name: &str) -> ObservedPool {
    let states = ["processing", "ready", "idle", "loading", "evicting"];
    let worker = |(seat, state): (usize, &str)| SaidOfWorker {
        seat: seat as u64,
        state: String::from(state),
        restarts: seat as u64,
        ..Default::default()
    };
    ObservedPool {
        supervisor: Peer { pid, started: 0 },
        silent: std::time::Duration::ZERO,
        said: SaidOfWorkers {
            name: name.to_owned(),
            pid,
            queued: 3,
            processing: 2,
            capacity: 64,
            answered: 1000,
            p99: Some(0.0123),
            failed: [(String::from("expired"), 4)].into(),
            refused: [(String::from("full"), 3)].into(),
            breaker: String::from("closed"),
            breaker_opened: 2,
            wanted: 4,
            wanted_because: String::from("at the most"),
            pressure: String::from("low"),
            workers: states.into_iter().enumerate().map(worker).collect(),
            ..Default::default()
        },
    }
}

fn busy_memory() -> Observation {
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
    let mut seen = nothing();
    seen.observation.segments = segments.to_vec();
    assert_eq!(cells(&sections(&seen)[0].table.rows[0])[6], "3");
}

#[test]
fn a_process_has_its_paths_and_reasons_and_one_that_says_nothing_has_dashes() {
    let mut seen = a_busy_machine();
    seen.observation.processes.truncate(11);
    seen.observation.processes[0].figures = None;
    let processes = &sections(&seen)[2];
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
    seen.observation.queues.truncate(2);
    seen.observation.queues[1].lanes.clear();
    let queues = &sections(&seen)[3];
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
    seen.observation.segments.truncate(1);
    seen.observation.segments[0].pool = String::from("\x1b]0;owned\x07");
    seen.observation.segments[0].producer.name = String::from("a\nb");
    let row = &sections(&seen)[0].table.rows[0];
    assert_eq!(cells(row)[..2], ["?]0;owned?", "100 a?b"]);
}

#[test]
fn a_pool_of_workers_is_one_row_with_a_letter_for_each_worker() {
    let mut seen = a_busy_machine();
    let workers = &sections(&seen)[1];
    assert_eq!((workers.title, workers.count), ("Workers", 2));
    let first = [
        "detector",
        "100 camera-node",
        "#..+-",
        "5/64",
        "1000",
        "7",
        "12.3 ms",
        "10",
    ];
    assert_eq!(cells(&workers.table.rows[0]), first);
    let Ok(workers) = &mut seen.workers else {
        panic!("{seen:?}");
    };
    workers.pools[0].said.p99 = None;
    assert_eq!(cells(&sections(&seen)[1].table.rows[0])[6], "-");
}

#[test]
fn what_is_wrong_with_workers_is_said_below_them_and_gives_no_orders() {
    let seen = a_busy_machine();
    let workers = &sections(&seen)[1];
    let ill = workers.table.rows[1..].iter().map(|row| cells(row)[0]);
    let said = [
        "ocr",
        "its supervisor has said nothing for 17 s",
        "not ready: no worker can be started: no such file",
        "its breaker is open, opened 2 times",
        "4 wanted: at the most, pressure low",
        "worker 1 failed: no such ?[2Jmodel",
    ];
    let ill: Vec<_> = ill.collect();
    assert_eq!(ill, said);
}

#[test]
fn workers_that_cannot_be_seen_hide_nothing_else() {
    let mut seen = a_busy_machine();
    seen.workers = Err(String::from("another user has made it"));
    let sections = sections(&seen);
    assert_eq!(
        cells(&sections[1].table.rows[0]),
        ["another user has made it"]
    );
    assert_eq!(sections[0].count, 10);
}

#[test]
fn files_that_make_no_sense_are_those_of_workers_too() {
    let mut seen = nothing();
    if let Ok(workers) = &mut seen.workers {
        workers
            .unreadable
            .push(zenoh_pinned_observe::UnreadableWorkers {
                file: String::from("/dev/shm/a\nb"),
                why: "it is a link",
            });
    }
    let files = &sections(&seen)[4];
    assert_eq!(files.count, 1);
    assert_eq!(
        cells(&files.table.rows[0]),
        ["/dev/shm/a?b", "it is a link"]
    );
}
