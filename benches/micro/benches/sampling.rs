//! How long and how often Criterion measures.

use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, SamplingMode, measurement::WallTime};

pub(crate) type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// For what takes little time: many calls a sample.
pub(crate) fn many_calls<'a>(criterion: &'a mut Criterion, title: &str) -> Group<'a> {
    let mut group = criterion.benchmark_group(title);
    group
        .sample_size(40)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    group
}

/// The same for what takes longer the more bytes there are: as many calls in each sample.
pub(crate) fn by_bytes<'a>(criterion: &'a mut Criterion, title: &str) -> Group<'a> {
    let mut group = many_calls(criterion, title);
    group.sampling_mode(SamplingMode::Flat);
    group
}

/// One call a sample, so that the median is that of single calls and not of means: their times have a long tail.
///
/// There is no other way to tell Criterion so than too little time for more, of which it warns.
pub(crate) fn one_call<'a>(criterion: &'a mut Criterion, title: &str) -> Group<'a> {
    let mut group = criterion.benchmark_group(title);
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(15)
        .warm_up_time(Duration::from_millis(1))
        .measurement_time(Duration::from_nanos(1));
    group
}
