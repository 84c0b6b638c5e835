//! `camera-bench`: the workload of cameras, by every way that a frame can take.
//!
//! Frames of 1920x1080 RGBA (8,294,400 bytes) run from camera processes to consumer processes, at 30 Hz and at full
//! speed. Every byte is written by a camera, and every byte is read and checked by each consumer: on the device where
//! an arm copies there. Arms are compared round by round in one run, with the same processes, on the same processors.
//! The results are a record (JSON), the raw samples (CSV, gzip), plots (SVG) and tables (Markdown).
//!
//! Where something is not there (a device, dora's command) its arms are left out, and the record says why.

mod arm;
mod camera;
mod consumer;
mod copies;
mod dataflow;
mod device;
mod environment;
mod frame;
mod iceoryx;
mod measure;
mod placement;
mod plan;
mod process;
mod report;
mod round;
mod workload;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use zenoh_pinned_measuring::{clock, mappings, session};

/// What may go wrong in any part of it: it ends with the message.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Parser)]
#[command(about = "Camera frames by every way they can take", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure, and write a record, samples, plots and tables
    Run {
        /// The folder for them; made where it is missing
        out: PathBuf,
        /// How long it may take
        #[arg(long, value_enum, default_value = "short")]
        length: plan::Length,
        /// dora's command, for its arms
        #[arg(long)]
        dora: Option<PathBuf>,
        /// Only the arms that copy to a device, and one comparison on the host
        #[arg(long)]
        device_only: bool,
    },
    /// Write the tables of a record beside it, and into the places that documents have for them
    Tables {
        /// A record that `run` has written
        record: PathBuf,
        /// Documents with `<!-- figures: NAME -->` and `<!-- end figures -->`
        documents: Vec<PathBuf>,
    },
    #[command(hide = true)]
    Camera,
    #[command(hide = true)]
    Consumer,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run {
            out,
            length,
            dora,
            device_only,
        } => measure::run(&out, length, dora.as_deref(), device_only),
        Command::Tables { record, documents } => report::write_tables(&record, &documents),
        Command::Camera => camera::run(),
        Command::Consumer => consumer::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("camera-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
