//! Arms that are measured in turns, call by call, and their times given to Criterion afterwards.
//!
//! Criterion itself measures one arm after the other. Between processes the machine's mood changes times more than
//! the arms differ, so these take turns, as in `make figures`; Criterion's part is the statistics of single calls.

use std::time::Duration;

use criterion::BenchmarkId;

use crate::{
    Error, or_end,
    sampling::{self, Group},
};

/// Calls of each arm before any is counted.
const WARM_UP: usize = 10;

/// Calls each arm as often as `samples` says, by its index in `arms`. Nothing is called where no arm is asked for.
pub(crate) fn measure(
    group: &mut Group<'_>,
    arms: Vec<BenchmarkId>,
    samples: usize,
    mut call: impl FnMut(usize) -> Result<Duration, Error>,
) {
    sampling::one_call(group, samples, Duration::from_nanos(1));
    let count = arms.len();
    let mut times = None;
    for (arm, id) in arms.into_iter().enumerate() {
        let mut turn = 0;
        group.bench_function(id, |bencher| {
            let times = times.get_or_insert_with(|| or_end(take(count, samples, &mut call)));
            bencher.iter_custom(|calls| {
                let next = |_| {
                    // Criterion's own warm-up takes the first one once more.
                    let time = times[turn % samples][arm];
                    turn += 1;
                    time
                };
                (0..calls).map(next).sum()
            });
        });
    }
}

/// For each turn the times of all arms.
fn take(
    arms: usize,
    turns: usize,
    call: &mut impl FnMut(usize) -> Result<Duration, Error>,
) -> Result<Vec<Vec<Duration>>, Error> {
    let mut turn = |_| (0..arms).map(&mut *call).collect();
    for warm_up in 0..WARM_UP {
        let _: Vec<Duration> = turn(warm_up)?;
    }
    (0..turns).map(turn).collect()
}
