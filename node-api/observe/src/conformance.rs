//! What a [`Source`] promises, for whoever writes one: call [`source`] in a test of yours.
//!
//! ```toml
//! [dev-dependencies]
//! zenoh-pinned-observe = { version = "0.1", features = ["conformance"] }
//! ```
//!
//! The rules for metrics are Prometheus' own (`promtool check metrics`), and some more: names begin with `zenoh_pinned_`,
//! units are base units, labels are bounded.
#![allow(clippy::panic, reason = "a suite fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, mpsc},
    time::Duration,
};

use prometheus::proto::{Metric, MetricFamily, MetricType};

use crate::{Figures, LABEL_BYTES, SERIES, STATE_BYTES, Source, server::may_be_a_name};

/// How long a look may take before it counts as one that waits. A watchdog, no figure.
const WATCHDOG: Duration = Duration::from_secs(5);
const LOOKS: usize = 5;
const THREADS: usize = 4;
const PREFIX: &str = "zenoh_pinned_";
/// Words of a name that are no base unit, or none at all.
const NO_BASE_UNITS: [&str; 29] = [
    "s",
    "sec",
    "secs",
    "ms",
    "millis",
    "milliseconds",
    "us",
    "micros",
    "microseconds",
    "ns",
    "nanos",
    "nanoseconds",
    "minutes",
    "hours",
    "days",
    "b",
    "kb",
    "mb",
    "gb",
    "kib",
    "mib",
    "gib",
    "kilobytes",
    "megabytes",
    "gigabytes",
    "bits",
    "percent",
    "percentage",
    "hz",
];
const TYPES: [&str; 5] = ["gauge", "counter", "histogram", "summary", "info"];

/// Looks at a source, one look after the other and from several threads at once. The source watches something that can be
/// looked at; what it watches may move meanwhile.
///
/// ```
/// # use serde_json::json;
/// # use zenoh_pinned_observe::{Figures, LookError, Source};
/// # struct Workers;
/// # impl Source for Workers {
/// #     fn name(&self) -> &str { "workers" }
/// #     fn look(&self) -> Result<Figures, LookError> { Ok(Figures::new(json!([]))) }
/// # }
/// zenoh_pinned_observe::conformance::source(std::sync::Arc::new(Workers));
/// ```
///
/// # Panics
/// The source does not do what [`Source`] says, or its metrics are not as Prometheus wants them; the message says which.
pub fn source(source: Arc<dyn Source>) {
    let name = source.name().to_owned();
    assert!(
        may_be_a_name(&name),
        "{name:?} is no name for a source: small letters, digits and _, from a letter on, and none of the server's own keys"
    );
    let mut before = Seen::default();
    let mut names = BTreeMap::new();
    for _ in 0..LOOKS {
        let figures = look(&source);
        state(&figures);
        let seen = families(&figures);
        before.goes_on_with(&seen);
        for family in &figures.families {
            let what = (family.help().to_owned(), family.get_field_type() as i32);
            let first = names
                .entry(family.name().to_owned())
                .or_insert_with(|| what.clone());
            assert_eq!(*first, what, "{} keeps its help and type", family.name());
        }
        before = seen;
    }
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| look(&source));
        }
    });
    assert_eq!(source.name(), name, "its name stays the same");
}

/// One look, which does not wait.
fn look(source: &Arc<dyn Source>) -> Figures {
    let (done, looked) = mpsc::channel();
    let source = Arc::clone(source);
    // Left behind where it does not come back.
    let thread = std::thread::spawn(move || done.send(source.look()).is_ok());
    let looked = match looked.recv_timeout(WATCHDOG) {
        Ok(looked) => looked,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            panic!("a look waits for nobody: none came back within {WATCHDOG:?}")
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            panic!("a look does not panic: {:?}", thread.join().err())
        }
    };
    match looked {
        Ok(figures) => figures,
        Err(error) => panic!("what it watches can be looked at here: {error}"),
    }
}

fn state(figures: &Figures) {
    let state = &figures.state;
    assert!(
        state.is_object() || state.is_array(),
        "its state is an object or a list, not {state}"
    );
    let bytes = state.to_string().len();
    assert!(
        bytes <= STATE_BYTES,
        "its state has {bytes} bytes, more than {STATE_BYTES}"
    );
    if let Some(why) = &figures.not_ready {
        assert!(!why.is_empty(), "why it is not ready has words");
    }
}

/// Counters and buckets, by their names and labels.
#[derive(Default)]
struct Seen(BTreeMap<(String, Labels), Vec<f64>>);

type Labels = Vec<(String, String)>;

impl Seen {
    fn goes_on_with(&self, after: &Self) {
        for (series, before) in &self.0 {
            // A series may end, and begin again.
            let Some(after) = after.0.get(series) else {
                continue;
            };
            let sinks = before
                .iter()
                .zip(after)
                .any(|(before, after)| after < before);
            assert!(
                !sinks,
                "{series:?} never goes down: {before:?}, then {after:?}"
            );
        }
    }
}

fn families(figures: &Figures) -> Seen {
    let mut seen = Seen::default();
    let mut names = BTreeSet::new();
    for family in &figures.families {
        let name = family.name();
        assert!(names.insert(name), "{name} is there once");
        check_name(family);
        let series = family.get_metric();
        assert!(
            series.len() <= SERIES,
            "{name} has {} series, more than {SERIES}: its labels are not bounded",
            series.len()
        );
        let mut all_labels = BTreeSet::new();
        for metric in series {
            let labels = check_labels(name, metric);
            assert!(
                all_labels.insert(labels.clone()),
                "{name} has {labels:?} twice"
            );
            if let Some(rising) = check_value(family, metric) {
                seen.0.insert((name.to_owned(), labels), rising);
            }
        }
    }
    seen
}

fn check_name(family: &MetricFamily) {
    let name = family.name();
    let help = family.help();
    let is_counter = family.get_field_type() == MetricType::COUNTER;
    assert!(
        name.starts_with(PREFIX) && is_snake_case(name),
        "{name} begins with {PREFIX} and has small letters, digits and _ only"
    );
    assert!(
        !help.is_empty() && help != name,
        "{name} has a help that says what it is"
    );
    assert_eq!(
        name.ends_with("_total"),
        is_counter,
        "counters end in _total, and nothing else does: {name}"
    );
    for word in name.split('_') {
        assert!(
            !NO_BASE_UNITS.contains(&word),
            "{name} is in base units (seconds, bytes, ratio), written out: not {word}"
        );
        assert!(!TYPES.contains(&word), "{name} does not name its type");
    }
    for suffix in ["_bucket", "_count", "_sum"] {
        assert!(
            !name.ends_with(suffix),
            "{name} does not end like a histogram's series"
        );
    }
}

fn is_snake_case(name: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    name.bytes().all(allowed) && !name.contains("__") && !name.ends_with('_')
}

fn check_labels(name: &str, metric: &Metric) -> Labels {
    let mut seen = BTreeSet::new();
    let mut labels: Vec<_> = metric
        .get_label()
        .iter()
        .map(|label| (label.name().to_owned(), label.value().to_owned()))
        .collect();
    labels.sort();
    for (label, value) in &labels {
        assert!(seen.insert(label), "{name} has the label {label} once");
        assert!(
            is_snake_case(label) && label.starts_with(|first: char| first.is_ascii_lowercase()),
            "{name}'s label {label:?} has small letters, digits and _ only"
        );
        assert!(
            !["le", "quantile", "job", "instance"].contains(&label.as_str()),
            "{name}'s label {label} is not one of Prometheus' own"
        );
        assert!(
            value.len() <= LABEL_BYTES,
            "{name}'s label {label} has {} bytes, more than {LABEL_BYTES}",
            value.len()
        );
    }
    labels
}

/// What may only rise.
fn check_value(family: &MetricFamily, metric: &Metric) -> Option<Vec<f64>> {
    let name = family.name();
    match family.get_field_type() {
        MetricType::GAUGE => {
            let value = metric.get_gauge().get_value();
            assert!(value.is_finite(), "{name} is a number, not {value}");
            None
        }
        MetricType::COUNTER => {
            let value = metric.get_counter().get_value();
            assert!(
                value.is_finite() && value >= 0.0,
                "{name} counts from zero up, not {value}"
            );
            Some(vec![value])
        }
        MetricType::HISTOGRAM => Some(check_histogram(name, metric)),
        _ => panic!("{name} is a gauge, a counter or a histogram"),
    }
}

fn check_histogram(name: &str, metric: &Metric) -> Vec<f64> {
    let histogram = metric.get_histogram();
    let sum = histogram.get_sample_sum();
    assert!(
        sum.is_finite() && sum >= 0.0,
        "{name}'s sum is a number from zero up, not {sum}"
    );
    let buckets = histogram.get_bucket();
    let bounds = buckets.iter().map(|bucket| bucket.upper_bound());
    assert!(
        bounds.is_sorted_by(|one, other| one < other),
        "{name}'s bounds rise"
    );
    let counts = buckets.iter().map(|bucket| bucket.cumulative_count());
    let counts: Vec<_> = counts.chain([histogram.get_sample_count()]).collect();
    assert!(
        counts.is_sorted(),
        "{name}'s buckets count all up to their bound, and its count is that of all: {counts:?}"
    );
    counts
        .into_iter()
        .map(|count| count as f64)
        .chain([sum])
        .collect()
}
