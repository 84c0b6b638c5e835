//! `micro`: what the single steps of a frame's way cost, by Criterion.
//!
//! Each module measures one thing and says at its head what is timed and what is not. Where no CUDA driver is
//! there, or only its test double, and where memory or permissions are missing, the benchmark is left out, with a
//! message and a line in a file beside Criterion's results; the run goes on. `micro-tables` prints the results.
//!
//! Criterion measures one arm after the other, so figures that lie close together say little. The process runs on the
//! first processor that it may use. What takes another process is measured by `transport-bench`.
//!
//! Alone, without cargo: `CRITERION_HOME=<folder> micro --bench [filter]`.

mod allocation;
mod arrow_head;
mod copies;
mod device;
mod host_copies;
mod look_up;
mod memory;
mod record;
mod registration;
mod sampling;

use criterion::Criterion;
use zenoh_pinned_measuring::placement;
use zenoh_pinned_micro_bench::results;

use crate::record::Record;

/// Bytes of a 1920x1080 RGBA frame.
const FRAME_BYTES: usize = 1920 * 1080 * 4;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Outcome = Result<(), Error>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // As Criterion decides it.
    let has = |flag| arguments.iter().any(|argument| argument == flag);
    let measures = has("--bench") && !has("--test") && !has("--list");
    if let Some(reason) = zenoh_pinned::prepare_session(&mut zenoh::Config::default()) {
        return Err(reason.into());
    }
    let processor = placement::take_first_processor()?;
    let folder = results::folder();
    let mut criterion = Criterion::default()
        .nresamples(2000)
        .output_directory(&folder)
        .configure_from_args();
    let device = device::Device::open();
    let mut record = Record::begin(measures.then_some(&*folder), processor, &device)?;
    look_up::measure(&mut criterion, &mut record, &device)?;
    allocation::measure(&mut criterion)?;
    arrow_head::measure(&mut criterion)?;
    registration::measure(&mut criterion, &mut record, &device)?;
    host_copies::measure(&mut criterion, &mut record)?;
    copies::measure(&mut criterion, &mut record, &device)?;
    criterion.final_summary();
    Ok(())
}

/// The value. Inside of Criterion's routines an error has nowhere to go, so it ends the program.
fn or_end<T>(outcome: Result<T, impl std::fmt::Display>) -> T {
    outcome.unwrap_or_else(|error| {
        eprintln!("micro: {error}");
        std::process::exit(1)
    })
}
