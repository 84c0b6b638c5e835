//! `dora-bench PYTHON`: what a camera frame costs in a dora dataflow, pinned and not.
//!
//! Frames of 1920x1080 RGBA (8,294,400 bytes), really written, run from a camera node to a sink by the
//! released dora CLI of the virtual environment that PYTHON is in. The arms differ in how the camera sends;
//! they alternate round by round in one run. A zenoh `put` without dora is measured beside them. Prints
//! Markdown.
//!
//! transport: from the call that sends to the event (or callback) in the other process, that is, with the
//! copies that sending makes; end to end: from before the frame is written. The first frames of each round
//! are not counted: connections are made and memory is attached then. CPU time is that of the counted frames,
//! as seconds for 300 of them, which is ten seconds at 30 Hz. The sending calls are what the camera waits for
//! besides writing the frame: allocation and sending, or `send_output`. The package `zenoh_pinned` has to be
//! importable for the cameras in Python, as `make dora-figures` sees to.

mod arm;
mod bare;
mod camera;
mod dataflow;
mod round;
mod sink;
mod table;

use std::path::Path;

use arm::{Arm, Language, Nodes};
use zenoh_pinned_measuring::{clock, mappings};

/// Bytes of a 1920x1080 RGBA frame.
const FRAME_BYTES: usize = 1920 * 1080 * 4;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["camera"] => camera::run(),
        ["sink"] => sink::run(),
        ["bare-publisher", endpoint, _] => bare::publish(endpoint),
        ["bare-subscriber", endpoint, how] => bare::subscribe(endpoint, how),
        [python] if Path::new(python).exists() => measure(Path::new(python)),
        _ => Err(
            "dora-bench takes the Python of a virtual environment with dora-rs and dora-rs-cli"
                .into(),
        ),
    }
}

fn measure(python: &Path) -> Outcome {
    println!("{}", table::environment());
    let at_30_hz = round::Plan {
        rounds: 3,
        frames: 110,
        interval_microseconds: 33_333,
    };
    let with_bare = [
        Arm::BareCallback,
        Arm::BareReceive,
        Arm::StockDefault,
        Arm::Stock64,
        Arm::Copy,
        Arm::InPlace,
    ];
    let of_dora = &with_bare[2..];
    let rust = Nodes {
        camera: Language::Rust,
        sink: Language::Rust,
    };
    let to_python = Nodes {
        sink: Language::Python,
        ..rust
    };
    let python_only = Nodes {
        camera: Language::Python,
        ..to_python
    };
    table::latencies(
        "30 Hz, camera and unmodified sink in Rust",
        &at_30_hz.run(python, rust, &with_bare)?,
    );
    table::latencies(
        "30 Hz, camera in Rust, unmodified sink in Python (the released wheel)",
        &at_30_hz.run(python, to_python, of_dora)?,
    );
    table::latencies(
        "30 Hz, camera in Python, unmodified sink in Python",
        &at_30_hz.run(python, python_only, of_dora)?,
    );
    let full_speed = round::Plan {
        rounds: 2,
        frames: 400,
        interval_microseconds: 0,
    };
    table::throughput(
        "full speed, camera and unmodified sink in Rust",
        &full_speed.run(python, rust, of_dora)?,
    );
    table::throughput(
        "full speed, camera in Python, unmodified sink in Python",
        &full_speed.run(python, python_only, of_dora)?,
    );
    Ok(())
}
