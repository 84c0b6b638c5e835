//! How long and how often Criterion measures.

use std::time::Duration;

use criterion::{BenchmarkGroup, SamplingMode, measurement::WallTime};

pub(crate) type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// For what takes little time: many calls a sample.
pub(crate) fn many_calls(group: &mut Group<'_>) {
    group
        .sample_size(40)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
}

/// One call a sample, so that the median is that of single calls and not of means: their times have a long tail.
///
/// There is no other way to tell Criterion so than too little time for more, of which it warns.
pub(crate) fn one_call(group: &mut Group<'_>, samples: usize, warm_up: Duration) {
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(samples)
        .warm_up_time(warm_up)
        .measurement_time(Duration::from_nanos(1));
}
