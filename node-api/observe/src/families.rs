//! Families of metrics, built so that Prometheus takes them: one help a name, each set of labels once.
//!
//! Two values with the same labels are added up: what is read off a host can say the same thing twice, and Prometheus
//! refuses everything from a server that does. Pure; bottom floor of the crate.

use std::{collections::BTreeMap, vec};

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

/// The most bytes of a label's value; what is longer is cut.
pub const LABEL_BYTES: usize = 256;

/// Builds families of metrics, each from its first value on.
///
/// ```
/// use zenoh_pinned_observe::Families;
///
/// let mut families = Families::default();
/// let frames = families.counter("zenoh_pinned_frames_total", "Frames received, by path.");
/// frames.add(&[("path", "direct")], 3.0);
/// frames.add(&[("path", "direct")], 2.0); // what has the same labels is added up
///
/// let built: Vec<_> = families.into_iter().collect();
/// assert_eq!(built[0].name(), "zenoh_pinned_frames_total");
/// assert_eq!(built[0].get_metric()[0].get_counter().get_value(), 5.0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Families {
    gauges: ByName<Values>,
    counters: ByName<Values>,
    histograms: ByName<Histograms>,
}

/// Names with their helps.
type ByName<T> = BTreeMap<&'static str, (&'static str, T)>;
type ByLabels<T> = BTreeMap<Vec<(&'static str, String)>, T>;

impl Families {
    /// Something that goes up and down. The name ends in its base unit, where it has one: `_bytes`, `_seconds`.
    pub fn gauge(&mut self, name: &'static str, help: &'static str) -> &mut Values {
        let (_, values) = self.gauges.entry(name).or_insert((help, Values::default()));
        values
    }

    /// Something that only grows. The name ends in `_total`, behind its base unit.
    pub fn counter(&mut self, name: &'static str, help: &'static str) -> &mut Values {
        let new = (help, Values::default());
        let (_, values) = self.counters.entry(name).or_insert(new);
        values
    }

    /// How many took up to how long, or were up to how large. `bounds` rise, in the base unit that the name ends in.
    pub fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        bounds: &[f64],
    ) -> &mut Histograms {
        let new = || {
            let bounds = bounds.to_vec();
            let by_labels = BTreeMap::new();
            (help, Histograms { bounds, by_labels })
        };
        let (_, histograms) = self.histograms.entry(name).or_insert_with(new);
        histograms
    }
}

/// The series of a gauge or a counter.
#[derive(Clone, Debug, Default)]
pub struct Values {
    by_labels: ByLabels<f64>,
}

impl Values {
    /// Adds to the value of the series with these labels.
    pub fn add(&mut self, labels: &[(&'static str, &str)], value: f64) {
        *self.by_labels.entry(owned(labels)).or_default() += value;
    }

    fn metrics(self, set: fn(&mut Metric, f64)) -> Vec<Metric> {
        let metrics = self.by_labels.into_iter().map(|(labels, value)| {
            let mut metric = labelled(labels);
            set(&mut metric, value);
            metric
        });
        metrics.collect()
    }
}

/// The series of a histogram.
#[derive(Clone, Debug, Default)]
pub struct Histograms {
    bounds: Vec<f64>,
    by_labels: ByLabels<Observed>,
}

#[derive(Clone, Debug, Default)]
struct Observed {
    /// One for each bound, and one above them.
    buckets: Vec<u64>,
    sum: f64,
}

impl Histograms {
    /// Adds to the histogram with these labels: for each bound how many lay above the bound before and not above it, then
    /// how many lay above all; and the sum of what they were.
    pub fn add(&mut self, labels: &[(&'static str, &str)], buckets: &[u64], sum: f64) {
        let observed = self.by_labels.entry(owned(labels)).or_default();
        observed.buckets.resize(self.bounds.len() + 1, 0);
        for (sum, more) in observed.buckets.iter_mut().zip(buckets) {
            *sum = sum.saturating_add(*more);
        }
        observed.sum += sum;
    }

    fn metrics(self) -> Vec<Metric> {
        let bounds = self.bounds;
        let metrics = self.by_labels.into_iter().map(|(labels, observed)| {
            let mut metric = labelled(labels);
            metric.set_histogram(observed.histogram(&bounds));
            metric
        });
        metrics.collect()
    }
}

impl Observed {
    fn histogram(&self, bounds: &[f64]) -> Histogram {
        let mut so_far = 0_u64;
        let mut buckets = Vec::new();
        for (bound, count) in bounds.iter().zip(&self.buckets) {
            so_far = so_far.saturating_add(*count);
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(so_far);
            buckets.push(bucket);
        }
        let above = self.buckets.last().copied().unwrap_or_default();
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(so_far.saturating_add(above));
        histogram.set_sample_sum(self.sum);
        histogram
    }
}

fn owned(labels: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let owned = |(name, value): &(&'static str, &str)| (*name, cut(value, LABEL_BYTES).to_owned());
    labels.iter().map(owned).collect()
}

/// The first bytes of a text, at most so many, that are whole characters.
pub(crate) fn cut(value: &str, most: usize) -> &str {
    let mut ends = (0..=value.len().min(most)).rev();
    let end = ends.find(|end| value.is_char_boundary(*end));
    &value[..end.unwrap_or_default()]
}

fn labelled(labels: Vec<(&'static str, String)>) -> Metric {
    let pair = |(name, value): (&str, String)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value);
        pair
    };
    Metric::from_label(labels.into_iter().map(pair).collect())
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

impl IntoIterator for Families {
    type Item = MetricFamily;
    type IntoIter = vec::IntoIter<MetricFamily>;

    fn into_iter(self) -> Self::IntoIter {
        let gauges = self.gauges.into_iter().map(|(name, (help, values))| {
            let metrics = values.metrics(|metric, value| {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            });
            family(name, help, MetricType::GAUGE, metrics)
        });
        let counters = self.counters.into_iter().map(|(name, (help, values))| {
            let metrics = values.metrics(|metric, value| {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            });
            family(name, help, MetricType::COUNTER, metrics)
        });
        let histograms = self.histograms.into_iter();
        let histograms = histograms.map(|(name, (help, histograms))| {
            family(name, help, MetricType::HISTOGRAM, histograms.metrics())
        });
        let all: Vec<_> = gauges.chain(counters).chain(histograms).collect();
        all.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    #[test]
    fn a_histogram_counts_upwards_and_ends_with_all() {
        let mut families = Families::default();
        let times = families.histogram("a_seconds", "A time.", &[0.001, 0.01]);
        times.add(&[("pid", "1")], &[2, 0, 1], 0.5);
        times.add(&[("pid", "1")], &[1, 1, 0], 0.25);
        let built: Vec<_> = families.into_iter().collect();
        assert_eq!(
            TextEncoder::new().encode_to_string(&built).unwrap(),
            "# HELP a_seconds A time.\n# TYPE a_seconds histogram\n\
             a_seconds_bucket{pid=\"1\",le=\"0.001\"} 3\na_seconds_bucket{pid=\"1\",le=\"0.01\"} 4\n\
             a_seconds_bucket{pid=\"1\",le=\"+Inf\"} 5\n\
             a_seconds_sum{pid=\"1\"} 0.75\na_seconds_count{pid=\"1\"} 5\n"
        );
    }

    #[test]
    fn a_long_label_is_cut_between_characters() {
        let mut families = Families::default();
        let long = "ä".repeat(LABEL_BYTES);
        families
            .gauge("a_bytes", "Bytes.")
            .add(&[("key", &format!("x{long}"))], 1.0);
        let family = families.into_iter().next().unwrap();
        let value = family.get_metric()[0].get_label()[0].value().to_owned();
        assert_eq!(value, format!("x{}", "ä".repeat(LABEL_BYTES / 2 - 1)));
    }
}
