//! What was aimed at.

use serde_json::Value;
use zenoh_pinned_measuring::aim::{Aim, Bound};

pub fn of(ours: &Value, peers: &Value) -> Vec<Aim> {
    let own = |path: &str| {
        ours.pointer(path)
            .and_then(Value::as_f64)
            .unwrap_or(f64::NAN)
    };
    let aim = |aim, value, bound, limit| Aim {
        aim,
        value,
        bound,
        limit,
    };
    let p50 = own("/frames/p50_us");
    vec![
        aim(
            "two 1080p cameras at 30 Hz, an engine that does nothing, p50 ms",
            p50 / 1e3,
            Bound::AtMost,
            1.0,
        ),
        aim(
            "two 1080p cameras at 30 Hz, an engine that does nothing, p99 ms",
            own("/frames/p99_us") / 1e3,
            Bound::AtMost,
            10.0,
        ),
        aim(
            "two 1080p cameras at 30 Hz, p50, times the best peer's",
            p50 / best_frames(peers),
            Bound::AtMost,
            0.2,
        ),
        aim(
            "64 B in process, batches of 64, requests per second",
            own("/small/in_process_per_second"),
            Bound::AtLeast,
            100_000.0,
        ),
        aim(
            "from no worker to eight that are ready, p50 s",
            own("/start/eight_ready/p50_us") / 1e6,
            Bound::AtMost,
            1.0,
        ),
        aim(
            "an engine with a fixed cost, eight at once, times one at once",
            own("/batching/gain"),
            Bound::AtLeast,
            4.0,
        ),
        aim(
            "the supervisor's memory (PSS), MB",
            own("/supervisor/pss_bytes") / 1e6,
            Bound::AtMost,
            100.0,
        ),
        aim(
            "the supervisor's CPU time over an idle minute, per cent",
            own("/supervisor/idle_cpu_percent"),
            Bound::AtMost,
            1.0,
        ),
    ]
}

/// The shortest p50 of a peer, in microseconds; NaN where none was measured.
fn best_frames(peers: &Value) -> f64 {
    let arms = peers.as_object().into_iter().flatten();
    let p50 = arms.filter_map(|(_, arm)| arm.pointer("/frames/p50_us")?.as_f64());
    p50.fold(f64::NAN, f64::min)
}
