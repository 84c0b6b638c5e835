//! `micro`: what the single steps of a frame's way cost, by Criterion.
//!
//! Each module measures one thing and says at its head what is timed and what is not. Where no CUDA driver is
//! there, or only its test double, and where memory or permissions are missing, the benchmark is left out, with a
//! message and a line in a file beside Criterion's results; the run goes on. `micro-tables` prints the results.
//!
//! Where other processes take part, arms take turns (`turns`); the rest Criterion measures one after the other, so
//! figures of it that lie close together say little. This process and all its threads run on the first processor that it may
//! use, the other processes that it starts on the last one: placement decides much of such times, and would differ
//! from arm to arm otherwise.
//!
//! Alone, without cargo: `CRITERION_HOME=<folder> micro --bench [filter]`.

mod allocation;
mod arrow_head;
mod burst;
mod clock;
mod consumer;
mod copies;
mod delivery;
mod device;
mod host_copies;
mod line;
mod look_up;
mod memory;
mod other_process;
mod placement;
mod producer;
mod record;
mod registration;
mod room;
mod sampling;
mod session;
mod transport;
mod turns;
mod waiting;

use criterion::Criterion;
use zenoh_pinned_micro_bench::results;

use crate::{record::Record, transport::Transport};

/// Bytes of a 1920x1080 RGBA frame.
const FRAME_BYTES: usize = 1920 * 1080 * 4;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Outcome = Result<(), Error>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role @ ("receive" | "release"), transport, endpoint] =
        arguments.iter().map(String::as_str).collect::<Vec<_>>()[..]
    {
        placement::take_last_processor()?;
        let transport = Transport::named(transport).ok_or("an unknown transport")?;
        return match role {
            "receive" => consumer::receive(transport, endpoint),
            _ => consumer::release(transport, endpoint),
        };
    }
    // As Criterion decides it.
    let has = |flag| arguments.iter().any(|argument| argument == flag);
    let measures = has("--bench") && !has("--test") && !has("--list");
    session::check_shared_memory()?;
    let placement = placement::take_first_processor()?;
    let folder = results::folder();
    let mut criterion = Criterion::default()
        .nresamples(2000)
        .output_directory(&folder)
        .configure_from_args();
    let device = device::Device::open();
    let mut record = Record::begin(measures.then_some(&*folder), &placement, &device)?;
    allocation::measure(&mut criterion, &mut record)?;
    waiting::measure(&mut criterion, &mut record)?;
    delivery::measure(&mut criterion, &mut record)?;
    burst::measure(&mut criterion, &mut record)?;
    look_up::measure(&mut criterion, &mut record, &device)?;
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
