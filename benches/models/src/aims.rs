//! What was aimed at.

use serde_json::Value;
use zenoh_pinned_measuring::aim::{Aim, Bound};

/// Of all figures.
pub fn of(figures: &Value) -> Vec<Aim> {
    let figure = |path: &str| {
        let found = figures.pointer(path).and_then(Value::as_f64);
        found.unwrap_or(f64::NAN)
    };
    let at_most = |aim, value, limit| Aim {
        aim,
        value,
        bound: Bound::AtMost,
        limit,
    };
    vec![
        at_most(
            "a model that the process has a lease on, p99 us",
            figure("/access/load/p99_us"),
            50.0,
        ),
        at_most(
            "1 MiB attached by another process, bytes compared, p50 ms",
            figure("/attach/small/compared/p50_us") / 1e3,
            1.0,
        ),
        at_most(
            "1 MiB attached by another process, bytes not compared, p50 ms",
            figure("/attach/small/not_compared/p50_us") / 1e3,
            1.0,
        ),
        at_most(
            "1 GiB attached, bytes not compared, times 1 MiB",
            figure("/hand_over/one_shard/of_small"),
            1.2,
        ),
        at_most(
            "memory (PSS) that weights add to four processes in Python and the server, times the weights",
            figure("/memory/attach/of_weights"),
            1.05,
        ),
        at_most(
            "from the death of one of two workers to the next answer, times a cold start",
            figure("/kill/two/next_answer_of_cold"),
            0.2,
        ),
        at_most(
            "from the death of one of two workers to the answer of the request that it had, times a cold start",
            figure("/kill/two/its_request_of_cold"),
            0.2,
        ),
        at_most(
            "shared memory beyond the tensors of a small model, per cent",
            figure("/overhead/small_real/percent"),
            5.0,
        ),
        at_most(
            "shared memory beyond the tensors of a large model, per cent",
            figure("/overhead/large/percent"),
            5.0,
        ),
        at_most(
            "time of the example's workers outside the model, per cent",
            figure("/camera_models/outside_model_share") * 100.0,
            5.0,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_not_measured_reaches_nothing() {
        assert!(of(&json!({})).iter().all(|aim| !aim.reached()));
        let aims = of(&json!({ "access": { "load": { "p99_us": 49.0 } } }));
        assert!(aims[0].reached());
        assert_eq!(aims.iter().filter(|aim| aim.reached()).count(), 1);
    }
}
