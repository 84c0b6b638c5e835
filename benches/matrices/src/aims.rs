//! What was aimed at. Of the kinds of matrices the worst one counts.

use serde_json::Value;
use zenoh_pinned_measuring::aim::{Aim, Bound};

pub fn of(kinds: &Value) -> Vec<Aim> {
    let worst = |path: &str| {
        let kinds = kinds.as_object().into_iter().flatten();
        let values = kinds.map(|(_, kind)| kind.pointer(path).and_then(Value::as_f64));
        // A NaN reaches nothing.
        values.fold(f64::INFINITY, |worst, value| match value {
            Some(value) if value < worst => value,
            Some(value) if !value.is_nan() => worst,
            _ => f64::NAN,
        })
    };
    let at_least = |aim, value, limit| Aim {
        aim,
        value,
        bound: Bound::AtLeast,
        limit,
    };
    vec![
        at_least(
            "matrices per second, times those of bare zstd on two threads, the worst of three kinds",
            worst("/of_bare_zstd"),
            0.8,
        ),
        at_least(
            "matrices per second, times those of multiprocessing.shared_memory, the worst of three kinds",
            worst("/of_shared_memory"),
            2.0,
        ),
        at_least(
            "matrices of 1000x1000 float64 per second with 2-2-2, the worst of three kinds",
            worst("/pipeline/matrices_per_second"),
            50.0,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_worst_kind_counts_and_what_is_missing_reaches_nothing() {
        let kind = |of_bare: f64| {
            json!({ "of_bare_zstd": of_bare, "of_shared_memory": 3.0,
                "pipeline": { "matrices_per_second": 60.0 } })
        };
        let aims = of(&json!({ "random": kind(0.9), "ramp": kind(0.7) }));
        assert_eq!(aims[0].value, 0.7);
        assert_eq!(aims.iter().filter(|aim| aim.reached()).count(), 2);
        let missing = of(&json!({ "random": {}, "ramp": kind(0.9) }));
        assert!(missing.iter().all(|aim| !aim.reached()));
    }
}
