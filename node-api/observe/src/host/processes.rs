//! Processes: what each holds, and what it has counted of frames, paths, reasons, copies and hand-overs.

use serde_json::{Value, json};
use zenoh_pinned::bindings::observation::{
    HAND_OVER_BOUNDS, Observation, ObservedProcess, PathFigures, ProcessFigures,
};

use super::{identified, listed};
use crate::{Families, Figures};

pub(super) fn figures(observation: &Observation) -> Figures {
    let mut families = Families::default();
    for process in &observation.processes {
        add_to(&mut families, process);
    }
    Figures::new(listed(&observation.processes).iter().map(state).collect()).with(families)
}

fn state(process: &ObservedProcess) -> Value {
    let mut state = identified(&process.process);
    let usage = &process.usage;
    state["segment_bytes"] = usage.segment_bytes.into();
    state["registered_bytes"] = usage.registered_bytes.into();
    state["registrations"] = usage.registrations.into();
    state["staging_bytes"] = usage.staging_bytes.into();
    state["figures"] = process.figures.as_ref().map(counted).into();
    state
}

fn counted(figures: &ProcessFigures) -> Value {
    let frames = by_path(&figures.frames).map(|(path, frames)| (path.to_owned(), frames.into()));
    let reasons = figures.reasons.iter().map(
        |reason| json!({ "kind": reason.kind, "frames": reason.frames, "latest": reason.latest }),
    );
    json!({
        "frames": Value::Object(frames.into_iter().collect()),
        "reasons": reasons.collect::<Vec<_>>(),
        "copies": figures.copies,
        "copied_bytes": figures.copied_bytes,
        "copies_in_flight": figures.copies_in_flight,
        "holds_leaked": figures.holds_leaked,
        "hand_over": {
            "bounds_us": HAND_OVER_BOUNDS,
            "buckets": figures.hand_over.buckets,
            "sum_seconds": figures.hand_over.sum.as_secs_f64(),
        },
    })
}

fn by_path(frames: &PathFigures) -> [(&'static str, u64); 4] {
    [
        ("direct", frames.direct),
        ("staged", frames.staged),
        ("pageable", frames.pageable),
        ("host", frames.host),
    ]
}

fn add_to(families: &mut Families, process: &ObservedProcess) {
    let pid = process.process.pid.to_string();
    let labels = [("process", &*process.process.name), ("pid", &*pid)];
    let usage = &process.usage;
    let mut gauge = |name, help, value| families.gauge(name, help).add(&labels, value);
    gauge(
        "zenoh_pinned_process_segment_bytes",
        "Bytes of the segments that the process's pools have made.",
        usage.segment_bytes as f64,
    );
    gauge(
        "zenoh_pinned_process_registered_bytes",
        "Bytes that the process has registered with a device's driver.",
        usage.registered_bytes as f64,
    );
    gauge(
        "zenoh_pinned_process_registrations",
        "Regions that the process has registered.",
        usage.registrations as f64,
    );
    gauge(
        "zenoh_pinned_process_staging_bytes",
        "Bytes of the process's staging slots.",
        usage.staging_bytes as f64,
    );
    if let Some(figures) = &process.figures {
        add_figures(families, labels, figures);
    }
}

fn add_figures(
    families: &mut Families,
    labels: [(&'static str, &str); 2],
    figures: &ProcessFigures,
) {
    let [process, pid] = labels;
    for (path, frames) in by_path(&figures.frames) {
        families
            .counter(
                "zenoh_pinned_frames_total",
                "Frames received, by their path to the device.",
            )
            .add(&[process, pid, ("path", path)], frames as f64);
    }
    for reason in &figures.reasons {
        families
            .counter(
                "zenoh_pinned_fallback_frames_total",
                "Frames that did not go direct, by the reason.",
            )
            .add(
                &[process, pid, ("reason", reason.kind)],
                reason.frames as f64,
            );
    }
    let copies = families.counter(
        "zenoh_pinned_copies_total",
        "Copies to a device that were enqueued.",
    );
    copies.add(&labels, figures.copies as f64);
    let bytes = families.counter(
        "zenoh_pinned_copied_bytes_total",
        "Bytes of the copies to a device.",
    );
    bytes.add(&labels, figures.copied_bytes as f64);
    let in_flight = families.gauge(
        "zenoh_pinned_copies_in_flight",
        "Copies to a device whose source is still held.",
    );
    in_flight.add(&labels, figures.copies_in_flight as f64);
    let leaked = families.counter(
        "zenoh_pinned_leaked_holds_total",
        "Holds that stay until the process ends, because their copy's end cannot be known.",
    );
    leaked.add(&labels, figures.holds_leaked as f64);
    let hand_over = families.histogram(
        "zenoh_pinned_hand_over_seconds",
        "How long frames took from put to hand.",
        &HAND_OVER_BOUNDS.map(|microseconds| microseconds as f64 / 1e6),
    );
    let counted = &figures.hand_over;
    hand_over.add(&labels, &counted.buckets, counted.sum.as_secs_f64());
}
