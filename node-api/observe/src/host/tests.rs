//! What is said of an observation, whole: as JSON, as metrics, and by Prometheus' own tools.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use zenoh_pinned::{
    Pressure,
    bindings::{line::Overflow, observation::*},
};

use super::*;
use crate::looks::Look;

mod workers;

fn process(pid: u32, name: &str, lives: bool) -> Identified {
    let mut process = Identified::default();
    process.pid = pid;
    process.started = u64::from(pid) * 10;
    process.name = name.into();
    process.lives = lives;
    process
}

fn segment(id: u32, producer: &Identified, slots: &[SlotState]) -> ObservedSegment {
    let mut segment = ObservedSegment::default();
    segment.id = id;
    segment.pool = "camera/front".into();
    segment.producer = producer.clone();
    segment.slot_bytes = 4096;
    segment.bytes = 4096 * (slots.len() as u64 + 1);
    segment.waiting = 1;
    segment.slots = slots.to_vec();
    segment.attached = vec![process(2, "detector", true)];
    segment
}

fn pool_figures() -> PoolFigures {
    let mut figures = PoolFigures::default();
    figures.name = "camera/front".into();
    figures.slots = 8;
    figures.quarantined = 1;
    figures.quarantine_reason = "its holder stands still".into();
    figures.allocations = 100;
    figures.waits = 3;
    figures.timeouts = 1;
    figures.waited = Duration::from_millis(1500);
    figures.reclaimed = 2;
    figures.rejected_releases = 4;
    figures
}

fn consumer_figures() -> ProcessFigures {
    let mut figures = ProcessFigures::default();
    figures.frames.direct = 90;
    figures.frames.staged = 7;
    let mut reason = ReasonFigures::default();
    reason.kind = "over_budget";
    reason.frames = 7;
    reason.latest = "registering 4096 bytes would exceed \"the\" budget".into();
    figures.reasons = vec![reason];
    figures.copies = 97;
    figures.copied_bytes = 97 * 4096;
    figures.copies_in_flight = 2;
    figures.holds_leaked = 1;
    figures.hand_over.buckets[0] = 60;
    figures.hand_over.buckets[3] = 30;
    figures.hand_over.buckets[HAND_OVER_BOUNDS.len()] = 1;
    figures.hand_over.sum = Duration::from_millis(2500);
    figures
}

/// One of everything.
fn observation() -> Observation {
    use SlotState::{Free, Held, Unconfirmed};
    let camera = process(1, "camera-node", true);
    let detector = process(2, "detector", true);
    let mut observation = Observation::default();
    observation.usage.memory_bytes = 20480;
    observation.usage.registered_bytes = 8192;
    observation.usage.limit_bytes = 1 << 30;
    observation.usage.pressure = Pressure::High;
    observation.usage.unreadable_accounts = 1;
    observation.shared_memory = Some((1 << 20, 1 << 21));
    let held = Held { references: 2 };
    let unconfirmed = Unconfirmed { references: 1 };
    observation.segments = vec![
        segment(17, &camera, &[Free, held, unconfirmed]),
        segment(18, &camera, &[Free]),
    ];
    let mut producer = ObservedProcess::default();
    producer.process = camera.clone();
    producer.usage.segment_bytes = 20480;
    producer.figures = Some(ProcessFigures::default());
    producer.figures.as_mut().unwrap().pools = vec![pool_figures()];
    let mut consumer = ObservedProcess::default();
    consumer.process = detector.clone();
    consumer.usage.registered_bytes = 8192;
    consumer.usage.registrations = 2;
    consumer.usage.staging_bytes = 4096;
    consumer.figures = Some(consumer_figures());
    let mut silent = ObservedProcess::default();
    silent.process = process(3, "", false);
    observation.processes = vec![producer, consumer, silent];
    let mut lane = ObservedLane::default();
    lane.publisher = camera;
    lane.key = "camera/front".into();
    (lane.written, lane.unread, lane.dropped) = (100, 4, 6);
    let mut queue = ObservedQueue::default();
    queue.id = 99;
    queue.subscriber = detector;
    queue.capacity = 16;
    queue.overflow = Overflow::Refuse;
    queue.lanes = vec![lane];
    observation.queues = vec![queue];
    let mut unreadable = Unreadable::default();
    unreadable.file = "/dev/shm/21.zenoh".into();
    unreadable.why = "its header page does not fit its size";
    observation.unreadable = vec![unreadable];
    observation
}

fn look_at(observation: &Observation) -> Look {
    look_at_both(observation, ObservedWorkers::default())
}

fn look_at_both(observation: &Observation, workers: ObservedWorkers) -> Look {
    let shown = observation.clone();
    let seen = move || Seen {
        observation: shown.clone(),
        workers: Ok(workers.clone()),
    };
    let sources = sources_of(Box::new(move || Ok(seen())));
    Look::at_all(sources.iter().map(|source| &**source), |_| {})
}

fn metrics_of(observation: &Observation) -> String {
    String::from_utf8(look_at(observation).metrics.to_vec()).unwrap()
}

#[test]
fn the_state_is_what_the_page_reads() {
    let look = look_at(&observation());
    let mut state: Value = serde_json::from_slice(&look.stats).unwrap();
    assert!(state["at"].as_u64().unwrap() > 1_700_000_000_000);
    state["at"] = 0.into();
    let camera = json!({ "pid": 1, "name": "camera-node", "lives": true });
    let detector = json!({ "pid": 2, "name": "detector", "lives": true });
    let none = json!({
        "frames": { "direct": 0, "staged": 0, "pageable": 0, "host": 0 }, "reasons": [], "copies": 0, "copied_bytes": 0,
        "copies_in_flight": 0, "holds_leaked": 0,
        "hand_over": { "bounds_us": HAND_OVER_BOUNDS, "buckets": vec![0; HAND_OVER_BOUNDS.len() + 1], "sum_seconds": 0.0 },
    });
    let expected = json!({
        "at": 0,
        "version": env!("CARGO_PKG_VERSION"),
        "host": {
            "memory_bytes": 20480, "registered_bytes": 8192, "limit_bytes": 1 << 30, "pressure": "high",
            "unreadable_accounts": 1, "left_out": { "pools": 0, "workers": 0, "processes": 0, "queues": 0, "unreadable": 0 },
            "shared_memory": { "free_bytes": 1 << 20, "total_bytes": 1 << 21 },
        },
        "pools": [{
            "name": "camera/front", "producer": camera, "bytes": 24576, "waiting": 1,
            "slots": 4, "free": 2, "held": 1, "unconfirmed": 1,
            "segments": [
                { "id": 17, "slot_bytes": 4096, "bytes": 16384, "map": ".#?" },
                { "id": 18, "slot_bytes": 4096, "bytes": 8192, "map": "." },
            ],
            "attached": [detector],
            "figures": {
                "allocations": 100, "waits": 3, "timeouts": 1, "waited_seconds": 1.5, "reclaimed": 2,
                "rejected_releases": 4, "quarantined": 1, "quarantine_reason": "its holder stands still",
            },
        }],
        "workers": [],
        "processes": [
            {
                "pid": 1, "name": "camera-node", "lives": true, "segment_bytes": 20480, "registered_bytes": 0,
                "registrations": 0, "staging_bytes": 0, "figures": none,
            },
            {
                "pid": 2, "name": "detector", "lives": true, "segment_bytes": 0, "registered_bytes": 8192,
                "registrations": 2, "staging_bytes": 4096,
                "figures": {
                    "frames": { "direct": 90, "staged": 7, "pageable": 0, "host": 0 },
                    "reasons": [{
                        "kind": "over_budget", "frames": 7,
                        "latest": "registering 4096 bytes would exceed \"the\" budget",
                    }],
                    "copies": 97, "copied_bytes": 97 * 4096, "copies_in_flight": 2, "holds_leaked": 1,
                    "hand_over": {
                        "bounds_us": HAND_OVER_BOUNDS, "buckets": [60, 0, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
                        "sum_seconds": 2.5,
                    },
                },
            },
            {
                "pid": 3, "name": "", "lives": false, "segment_bytes": 0, "registered_bytes": 0, "registrations": 0,
                "staging_bytes": 0, "figures": null,
            },
        ],
        "queues": [{
            "id": 99, "subscriber": detector, "capacity": 16, "overflow": "refuse",
            "lanes": [{ "publisher": camera, "key": "camera/front", "written": 100, "unread": 4, "dropped": 6 }],
        }],
        "unreadable": [{ "file": "/dev/shm/21.zenoh", "why": "its header page does not fit its size" }],
    });
    assert_eq!(state, expected, "{state:#}");
}

#[test]
fn an_empty_host_has_empty_lists_and_no_file_system() {
    let state: Value = serde_json::from_slice(&look_at(&Observation::default()).stats).unwrap();
    for list in ["pools", "workers", "processes", "queues", "unreadable"] {
        assert_eq!(state[list], json!([]), "{list}");
    }
    assert_eq!(state["host"]["shared_memory"], Value::Null);
}

#[test]
fn what_others_make_too_many_of_is_left_out_and_hides_nothing_else() {
    let honest = process(1, "camera", true);
    let mut crowd = Observation::default();
    // As a file of one page and a hole can say.
    let slots = vec![SlotState::Free; (4 << 30) / 4096 - 1];
    crowd.segments.push(segment(1, &honest, &slots));
    for number in 2..400 {
        let producer = process(number, "\u{1}", true);
        let mut many = segment(number, &producer, &slots[..5000]);
        many.pool = "\u{1}".repeat(64);
        many.attached = (0..200).map(|pid| process(pid, "\u{1}", true)).collect();
        crowd.segments.extend(vec![many; 20]);
        let mut queue = observation().queues.remove(0);
        queue.lanes = vec![queue.lanes[0].clone(); 16];
        queue
            .lanes
            .iter_mut()
            .for_each(|lane| lane.key = "\u{1}".repeat(512));
        crowd.queues.push(queue);
        crowd.processes.push(observation().processes.remove(0));
        crowd.unreadable.push(observation().unreadable.remove(0));
    }
    let state: Value = serde_json::from_slice(&look_at(&crowd).stats).unwrap();
    for list in ["pools", "processes", "queues", "unreadable"] {
        assert_eq!(
            state[list].as_array().map(Vec::len),
            Some(LISTED),
            "{list}: {}",
            state[list]
        );
        let left_out = state["host"]["left_out"][list].as_u64().unwrap();
        assert!((248..=249).contains(&left_out), "{list} {left_out}");
    }
    let honest = state["pools"].as_array().unwrap().iter();
    let honest = honest
        .filter(|pool| pool["producer"]["name"] == "camera")
        .count();
    assert!(honest <= 1);
}

#[test]
fn every_number_is_a_metric() {
    let text = metrics_of(&observation());
    let pool = r#"pool="camera/front",process="camera-node",pid="1""#;
    let process = r#"process="detector",pid="2""#;
    let queue = r#"queue="99",process="detector",pid="2""#;
    let lane = format!(r#"{queue},key="camera/front",publisher="camera-node",publisher_pid="1""#);
    for line in [
        "zenoh_pinned_memory_bytes 20480".to_owned(),
        "zenoh_pinned_registered_bytes 8192".into(),
        "zenoh_pinned_limit_bytes 1073741824".into(),
        r#"zenoh_pinned_pressure{level="high"} 1"#.into(),
        r#"zenoh_pinned_pressure{level="low"} 0"#.into(),
        "zenoh_pinned_unreadable_accounts 1".into(),
        "zenoh_pinned_shared_memory_free_bytes 1048576".into(),
        "zenoh_pinned_shared_memory_size_bytes 2097152".into(),
        format!("zenoh_pinned_pool_bytes{{{pool}}} 24576"),
        format!("zenoh_pinned_pool_segments{{{pool}}} 2"),
        format!("zenoh_pinned_pool_waiting_allocations{{{pool}}} 1"),
        format!("zenoh_pinned_pool_attached_processes{{{pool}}} 1"),
        format!(r#"zenoh_pinned_pool_slots{{{pool},state="free"}} 2"#),
        format!(r#"zenoh_pinned_pool_slots{{{pool},state="held"}} 1"#),
        format!(r#"zenoh_pinned_pool_slots{{{pool},state="unconfirmed"}} 1"#),
        format!("zenoh_pinned_pool_quarantined_slots{{{pool}}} 1"),
        format!("zenoh_pinned_pool_allocations_total{{{pool}}} 100"),
        format!("zenoh_pinned_pool_allocation_waits_total{{{pool}}} 3"),
        format!("zenoh_pinned_pool_allocation_timeouts_total{{{pool}}} 1"),
        format!("zenoh_pinned_pool_allocation_wait_seconds_total{{{pool}}} 1.5"),
        format!("zenoh_pinned_pool_reclaimed_slots_total{{{pool}}} 2"),
        format!("zenoh_pinned_pool_rejected_releases_total{{{pool}}} 4"),
        format!("zenoh_pinned_process_segment_bytes{{{process}}} 0"),
        format!("zenoh_pinned_process_registered_bytes{{{process}}} 8192"),
        format!("zenoh_pinned_process_registrations{{{process}}} 2"),
        format!("zenoh_pinned_process_staging_bytes{{{process}}} 4096"),
        format!(r#"zenoh_pinned_frames_total{{{process},path="direct"}} 90"#),
        format!(r#"zenoh_pinned_frames_total{{{process},path="staged"}} 7"#),
        format!(r#"zenoh_pinned_fallback_frames_total{{{process},reason="over_budget"}} 7"#),
        format!("zenoh_pinned_copies_total{{{process}}} 97"),
        format!("zenoh_pinned_copied_bytes_total{{{process}}} 397312"),
        format!("zenoh_pinned_copies_in_flight{{{process}}} 2"),
        format!("zenoh_pinned_leaked_holds_total{{{process}}} 1"),
        format!(r#"zenoh_pinned_hand_over_seconds_bucket{{{process},le="0.00002"}} 60"#),
        format!(r#"zenoh_pinned_hand_over_seconds_bucket{{{process},le="0.0002"}} 90"#),
        format!(r#"zenoh_pinned_hand_over_seconds_bucket{{{process},le="1"}} 90"#),
        format!(r#"zenoh_pinned_hand_over_seconds_bucket{{{process},le="+Inf"}} 91"#),
        format!("zenoh_pinned_hand_over_seconds_sum{{{process}}} 2.5"),
        format!("zenoh_pinned_queue_capacity_frames{{{queue}}} 16"),
        format!("zenoh_pinned_queue_written_frames_total{{{lane}}} 100"),
        format!("zenoh_pinned_queue_unread_frames{{{lane}}} 4"),
        format!("zenoh_pinned_queue_dropped_frames_total{{{lane}}} 6"),
        "zenoh_pinned_unreadable_files 1".into(),
        r#"zenoh_pinned_source_up{source="pools"} 1"#.into(),
        r#"zenoh_pinned_source_left_out_series{source="pools"} 0"#.into(),
    ] {
        assert!(
            text.lines().any(|is| is == line),
            "{line} is not in\n{text}"
        );
    }
}

#[test]
fn whoever_has_not_counted_has_no_series_of_counts() {
    let text = metrics_of(&observation());
    let silent: Vec<_> = text
        .lines()
        .filter(|line| line.contains(r#"pid="3""#))
        .collect();
    assert_eq!(silent.len(), 4, "{silent:?}");
}

#[test]
fn the_same_said_twice_is_one_series() {
    // A stranger can write what another process writes too, and a number can be used again.
    let mut observation = observation();
    observation.queues.push(observation.queues[0].clone());
    observation.processes.push(observation.processes[1].clone());
    let mut again = observation.segments[0].clone();
    again.producer.started += 1;
    observation.segments.push(again);
    let text = metrics_of(&observation);
    let mut series: Vec<_> = text
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .collect();
    series.retain(|(name, _)| !name.starts_with('#'));
    let all = series.len();
    series.sort();
    series.dedup_by_key(|(name, _)| *name);
    assert_eq!(series.len(), all);
    promtool(&text);
}

#[test]
fn one_look_serves_all_six() {
    let looks = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&looks);
    let sources = sources_of(Box::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(Seen {
            observation: observation(),
            workers: Ok(ObservedWorkers::default()),
        })
    }));
    for source in &sources {
        source.look().unwrap();
    }
    assert_eq!(looks.load(Ordering::Relaxed), 1);
    std::thread::sleep(SAME);
    for source in &sources {
        source.look().unwrap();
    }
    assert_eq!(looks.load(Ordering::Relaxed), 2);
}

#[test]
fn a_folder_that_cannot_be_read_is_an_error_that_says_what_to_do() {
    let sources = sources_of(Box::new(|| Err(io::ErrorKind::PermissionDenied.into())));
    let error = sources[1].look().unwrap_err().to_string();
    assert!(
        error.contains("permission denied") && error.contains("zenoh-pinned doctor"),
        "{error}"
    );
}

#[test]
fn prometheus_tools_have_nothing_to_say_against_it() {
    promtool(&metrics_of(&observation()));
    promtool(&metrics_of(&Observation::default()));
}

/// `make test` brings it.
fn promtool(metrics: &str) {
    let promtool = std::env::var("ZENOH_PINNED_PROMTOOL");
    let promtool =
        promtool.expect("ZENOH_PINNED_PROMTOOL names Prometheus' promtool: use `make test`");
    let said = run(Command::new(promtool).args(["check", "metrics"]), metrics);
    assert_eq!(said, "", "{metrics}");
}

#[test]
fn prometheus_parser_reads_what_was_written() {
    let python = std::env::var("ZENOH_PINNED_PYTHON");
    let python =
        python.expect("ZENOH_PINNED_PYTHON names a Python with prometheus_client: use `make test`");
    let program = "
import sys
from prometheus_client.parser import text_string_to_metric_families as parse
for family in parse(sys.stdin.read()):
    print(family.name, family.type, len(family.samples))
";
    let text = metrics_of(&observation());
    let read = run(Command::new(python).args(["-c", program]), &text);
    let written = text.lines().filter(|line| line.starts_with("# TYPE "));
    assert_eq!(read.lines().count(), written.count(), "{read}");
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    let parsed = read.lines().map(|line| {
        let (_, samples) = line.rsplit_once(' ').unwrap();
        samples.parse::<usize>().unwrap()
    });
    assert_eq!(parsed.sum::<usize>(), samples, "{read}");
    assert!(
        read.contains("zenoh_pinned_hand_over_seconds histogram "),
        "{read}"
    );
    assert!(read.contains("zenoh_pinned_frames counter "), "{read}");
    assert!(read.contains("zenoh_pinned_pool_slots gauge "), "{read}");
}

/// What the command says, fed with `input`; it succeeds.
fn run(command: &mut Command, input: &str) -> String {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}\n{input}");
    said
}
