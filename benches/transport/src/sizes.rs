//! Tables by size: a row for each number of bytes, a column for each arm.

use crate::{
    Error,
    arm::{Arm, Producer},
    samples::Samples,
};

/// Calls of each arm before any is counted.
const WARM_UP: usize = 10;

pub(crate) fn heading(title: &str, columns: &[&str]) {
    println!("\n| {title}, p50 / p99 us | {} |", columns.join(" | "));
    println!("{}|", "|---".repeat(1 + columns.len()));
}

/// A column without samples has a dash.
pub(crate) fn row(bytes: usize, columns: &[Samples]) {
    let cells: Vec<_> = columns.iter().map(Samples::cell).collect();
    println!("| {bytes} | {} |", cells.join(" | "));
}

/// A producer for each of the arms; `None` for one that cannot be had here, which is said: stock zenoh locks its memory,
/// which not everybody may.
pub(crate) fn producers(
    what: &str,
    arms: &[Arm],
    slots: u32,
    bytes: usize,
) -> Vec<Option<Producer>> {
    let producer = |arm: &Arm| match Producer::new(*arm, slots, bytes) {
        Ok(producer) => Some(producer),
        Err(why) => {
            eprintln!("left out: {what}, {bytes} bytes, {}: {why}", arm.name());
            None
        }
    };
    arms.iter().map(producer).collect()
}

/// Calls each of so many arms in turns; one that has nothing to time says `None`.
pub(crate) fn in_turns(
    arms: usize,
    rounds: usize,
    mut call: impl FnMut(usize) -> Result<Option<u64>, Error>,
) -> Result<Vec<Samples>, Error> {
    let mut times: Vec<_> = (0..arms).map(|_| Samples::default()).collect();
    for round in 0..WARM_UP + rounds {
        for (arm, times) in times.iter_mut().enumerate() {
            if let Some(time) = call(arm)?
                && round >= WARM_UP
            {
                times.push(time);
            }
        }
    }
    Ok(times)
}
