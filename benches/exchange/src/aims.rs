//! What was aimed at, and whether it was reached.

use serde_json::{Map, Value};
use zenoh_pinned_measuring::aim::{Aim, Bound};

pub fn of(results: &Map<String, Value>) -> Vec<Aim> {
    let number = |arm: &str, what: &str| {
        let found = results.get(arm).and_then(|arm| arm.get(what)?.as_f64());
        found.unwrap_or(f64::INFINITY)
    };
    let p50 = |arm| number(arm, "p50");
    let p99 = |arm| number(arm, "p99");
    let aim = |aim, value, limit| Aim {
        aim,
        value,
        bound: Bound::AtMost,
        limit,
    };
    vec![
        aim("write from C, p50 us", p50("write, C, exchange"), 0.15),
        aim("write from C, p99 us", p99("write, C, exchange"), 0.5),
        aim("read from C, p50 us", p50("read, C, exchange"), 0.15),
        aim("read from C, p99 us", p99("read, C, exchange"), 0.5),
        aim(
            "end to end, agent spinning, p99 us",
            p99("to the agent, spinning, exchange"),
            10.0,
        ),
        aim(
            "write from Rust, p50, times iceoryx2's",
            p50("write, Rust, exchange") / p50("write, Rust, iceoryx2 blackboard"),
            1.0,
        ),
        aim(
            "read from Rust, p50, times iceoryx2's",
            p50("read, Rust, exchange") / p50("read, Rust, iceoryx2 blackboard"),
            1.0,
        ),
        aim(
            "to the agent, spinning, p50, times iceoryx2's",
            p50("to the agent, spinning, exchange")
                / p50("to the agent, spinning, iceoryx2 blackboard"),
            1.0,
        ),
        aim(
            "read_into from Python, p50 us",
            p50("read_into, Python, exchange"),
            2.0,
        ),
    ]
}
