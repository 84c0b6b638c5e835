//! The suite for sources: what this crate has passes it, and whoever breaks one rule does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use zenoh_pinned::PinnedPool;
use zenoh_pinned_observe::{
    Families, Figures, LABEL_BYTES, LookError, SERIES, STATE_BYTES, Source, conformance,
    prometheus::proto::{LabelPair, MetricFamily, MetricType},
};

/// A source as a closure gives it; it is told how often it was looked at before.
struct Given<F>(&'static str, F, AtomicU64);

impl<F: Fn(u64) -> Result<Figures, LookError> + Send + Sync> Source for Given<F> {
    fn name(&self) -> &str {
        self.0
    }

    fn look(&self) -> Result<Figures, LookError> {
        (self.1)(self.2.fetch_add(1, Ordering::Relaxed))
    }
}

fn named<F>(name: &'static str, look: F) -> Arc<dyn Source>
where
    F: Fn(u64) -> Result<Figures, LookError> + Send + Sync + 'static,
{
    Arc::new(Given(name, look, AtomicU64::new(0)))
}

/// One whose look gives these families.
fn with(families: fn(u64, &mut Families)) -> Arc<dyn Source> {
    named("given", move |look| {
        let mut built = Families::default();
        families(look, &mut built);
        Ok(Figures::new(json!({})).with(built))
    })
}

/// One with a single good gauge that was changed.
fn changed(change: fn(&mut MetricFamily)) -> Arc<dyn Source> {
    named("given", move |_| {
        let mut families = Families::default();
        families
            .gauge("zenoh_pinned_x_bytes", "Bytes.")
            .add(&[("a", "1"), ("b", "2")], 1.0);
        let mut family = families.into_iter().next().unwrap();
        change(&mut family);
        Ok(Figures::new(json!([])).with([family]))
    })
}

fn set_labels(family: &mut MetricFamily, labels: &[(&str, &str)]) {
    let pairs = labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    let mut metrics = family.take_metric();
    metrics[0].set_label(pairs.collect());
    family.set_metric(metrics);
}

/// The suite's words against it.
fn fault_of(source: Arc<dyn Source>) -> String {
    let suite = AssertUnwindSafe(|| conformance::source(source));
    let panic = catch_unwind(suite).expect_err("the suite passes it");
    let words = panic.downcast_ref::<String>().cloned();
    words.unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap()).into())
}

#[test]
fn those_of_this_crate_pass_while_a_pool_is_in_use() {
    let pool = PinnedPool::builder().slots(4).slot_bytes(4096).build();
    let slot = pool.as_ref().unwrap().alloc(4096).unwrap();
    for source in zenoh_pinned_observe::host() {
        conformance::source(source);
    }
    drop(slot);
}

#[test]
fn one_that_keeps_every_rule_passes() {
    conformance::source(with(|look, families| {
        families
            .gauge("zenoh_pinned_x_bytes", "Bytes.")
            .add(&[], -(look as f64));
        families
            .counter("zenoh_pinned_x_seconds_total", "Time.")
            .add(&[("a", "")], look as f64);
        families
            .histogram("zenoh_pinned_x_seconds", "Times.", &[0.1, 1.0])
            .add(&[], &[look, look, look], look as f64);
    }));
}

#[test]
fn a_name_that_is_no_key_fails() {
    for name in [
        "",
        "Workers",
        "my-workers",
        "7",
        "a b",
        "stats",
        "at",
        "version",
        "ä",
    ] {
        let fault = fault_of(named(name, |_| Ok(Figures::new(json!({})))));
        assert!(fault.contains("is no name for a source"), "{name}: {fault}");
    }
}

#[test]
fn a_look_that_waits_fails() {
    let waits = |_| {
        std::thread::sleep(Duration::from_secs(3600));
        Ok(Figures::new(json!({})))
    };
    let fault = fault_of(named("given", waits));
    assert!(fault.contains("waits for nobody"), "{fault}");
}

#[test]
fn a_look_that_panics_or_fails_fails() {
    let fault = fault_of(named("given", |_| panic!("on purpose")));
    assert!(fault.contains("does not panic"), "{fault}");
    let fails = |_| {
        Err(LookError::Unreadable {
            what: "it".into(),
            cause: "on purpose".into(),
            remedy: "do not".into(),
        })
    };
    let fault = fault_of(named("given", fails));
    assert!(
        fault.contains("can be looked at here: it cannot be read (on purpose)"),
        "{fault}"
    );
}

#[test]
fn a_state_that_is_no_object_or_list_or_too_large_fails() {
    let fault = fault_of(named("given", |_| Ok(Figures::new(json!(7)))));
    assert!(fault.contains("is an object or a list, not 7"), "{fault}");
    let large = |_| Ok(Figures::new(json!(["x".repeat(STATE_BYTES)])));
    let fault = fault_of(named("given", large));
    assert!(fault.contains("its state has"), "{fault}");
    let unready = |_| Ok(Figures::new(json!({})).not_ready(""));
    let fault = fault_of(named("given", unready));
    assert!(fault.contains("has words"), "{fault}");
}

#[test]
fn names_against_prometheus_conventions_fail() {
    for (name, words) in [
        ("other_bytes", "begins with zenoh_pinned_"),
        ("zenoh_pinned_camelCase", "small letters"),
        ("zenoh_pinned__x", "small letters"),
        ("zenoh_pinned_x:y", "small letters"),
        ("zenoh_pinned_x_total", "counters end in _total"),
        ("zenoh_pinned_x_ms", "base units"),
        ("zenoh_pinned_x_milliseconds", "base units"),
        ("zenoh_pinned_kb_of_x", "base units"),
        ("zenoh_pinned_x_percent", "base units"),
        ("zenoh_pinned_x_gauge", "does not name its type"),
        ("zenoh_pinned_x_count", "like a histogram's series"),
    ] {
        let gauge = named("given", move |_| {
            let mut families = Families::default();
            families.gauge(name, "Help.").add(&[], 1.0);
            Ok(Figures::new(json!({})).with(families))
        });
        let fault = fault_of(gauge);
        assert!(fault.contains(words), "{name}: {fault}");
    }
    let fault = fault_of(with(|_, families| {
        families.counter("zenoh_pinned_x", "Help.").add(&[], 1.0);
    }));
    assert!(fault.contains("counters end in _total"), "{fault}");
}

#[test]
fn a_help_that_says_nothing_or_changes_fails() {
    let fault = fault_of(changed(|family| family.set_help(String::new())));
    assert!(fault.contains("has a help"), "{fault}");
    let fault = fault_of(with(|look, families| {
        let help = if look == 0 { "This." } else { "That." };
        families.gauge("zenoh_pinned_x", help).add(&[], 1.0);
    }));
    assert!(fault.contains("keeps its help and type"), "{fault}");
}

#[test]
fn a_type_that_is_not_written_fails() {
    let fault = fault_of(changed(|family| family.set_field_type(MetricType::SUMMARY)));
    assert!(
        fault.contains("is a gauge, a counter or a histogram"),
        "{fault}"
    );
}

#[test]
fn a_name_or_a_series_that_is_there_twice_fails() {
    let twice = |_| {
        let mut families = Families::default();
        families.gauge("zenoh_pinned_x", "Help.").add(&[], 1.0);
        Ok(Figures::new(json!({}))
            .with(families.clone())
            .with(families))
    };
    let fault = fault_of(named("given", twice));
    assert!(fault.contains("is there once"), "{fault}");
    let fault = fault_of(changed(|family| {
        let metric = family.get_metric()[0].clone();
        family.set_metric(vec![metric.clone(), metric]);
    }));
    assert!(fault.contains("twice"), "{fault}");
}

#[test]
fn labels_that_are_unbounded_or_not_its_own_fail() {
    let fault = fault_of(with(|_, families| {
        for frame in 0..=SERIES {
            families
                .gauge("zenoh_pinned_x", "Help.")
                .add(&[("frame", &frame.to_string())], 1.0);
        }
    }));
    assert!(fault.contains("labels are not bounded"), "{fault}");
    let fault = fault_of(changed(|family| {
        set_labels(family, &[("a", &"x".repeat(LABEL_BYTES + 1))]);
    }));
    assert!(fault.contains("bytes, more than"), "{fault}");
    let fault = fault_of(changed(|family| set_labels(family, &[("A-b", "")])));
    assert!(fault.contains("small letters"), "{fault}");
    let fault = fault_of(changed(|family| set_labels(family, &[("le", "")])));
    assert!(fault.contains("Prometheus' own"), "{fault}");
    let fault = fault_of(changed(|family| {
        set_labels(family, &[("a", "1"), ("a", "2")]);
    }));
    assert!(fault.contains("the label a once"), "{fault}");
}

#[test]
fn a_counter_that_goes_down_or_below_zero_fails() {
    let fault = fault_of(with(|look, families| {
        families
            .counter("zenoh_pinned_x_total", "Help.")
            .add(&[("a", "1")], 10.0 - look as f64);
    }));
    assert!(fault.contains("never goes down"), "{fault}");
    let fault = fault_of(with(|_, families| {
        families
            .counter("zenoh_pinned_x_total", "Help.")
            .add(&[], -1.0);
    }));
    assert!(fault.contains("counts from zero up"), "{fault}");
}

#[test]
fn a_value_that_is_no_number_fails() {
    let fault = fault_of(with(|_, families| {
        families.gauge("zenoh_pinned_x", "Help.").add(&[], f64::NAN);
    }));
    assert!(fault.contains("is a number"), "{fault}");
}

#[test]
fn a_histogram_that_does_not_add_up_fails() {
    let fault = fault_of(with(|_, families| {
        families
            .histogram("zenoh_pinned_x_seconds", "Help.", &[1.0, 0.1])
            .add(&[], &[1, 1, 1], 1.0);
    }));
    assert!(fault.contains("bounds rise"), "{fault}");
    let fault = fault_of(with(|_, families| {
        families
            .histogram("zenoh_pinned_x_seconds", "Help.", &[0.1])
            .add(&[], &[1, 1], -1.0);
    }));
    assert!(fault.contains("sum is a number"), "{fault}");
    let fault = fault_of(with(|look, families| {
        families
            .histogram("zenoh_pinned_x_seconds", "Help.", &[0.1])
            .add(&[], &[10 - look, 0], 1.0);
    }));
    assert!(fault.contains("never goes down"), "{fault}");
    let fault = fault_of(named("given", |_| {
        let mut families = Families::default();
        families
            .histogram("zenoh_pinned_x_seconds", "Help.", &[0.1])
            .add(&[], &[5, 0], 1.0);
        let mut family = families.into_iter().next().unwrap();
        let mut metrics = family.take_metric();
        let mut histogram = metrics[0].get_histogram().clone();
        histogram.set_sample_count(1);
        metrics[0].set_histogram(histogram);
        family.set_metric(metrics);
        Ok(Figures::new(json!({})).with([family]))
    }));
    assert!(fault.contains("its count is that of all"), "{fault}");
}

#[test]
fn a_source_that_changes_its_name_fails() {
    struct Changing(AtomicU64);
    impl Source for Changing {
        fn name(&self) -> &str {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => "one",
                _ => "other",
            }
        }
        fn look(&self) -> Result<Figures, LookError> {
            Ok(Figures::new(json!({})))
        }
    }
    let fault = fault_of(Arc::new(Changing(AtomicU64::new(0))));
    assert!(fault.contains("its name stays the same"), "{fault}");
}
