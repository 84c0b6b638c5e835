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
mod registering;
mod report;
mod round;
mod workload;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand};
use report::Record;
use zenoh_pinned::Pinner;
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
        /// Only the arms of a device, and one comparison on the host; copies by size are then a command of their own
        #[arg(long)]
        device_only: bool,
        /// No tables and no plots; `tables` makes them of the record, anywhere
        #[arg(long)]
        record_only: bool,
        #[command(flatten)]
        limit: Limit,
    },
    /// Print a first look at the device: copies of four sizes from each memory, a line of JSON for each
    Look,
    /// Measure copies to the device by size, and add them to the record in a folder
    Copies {
        /// The folder with the record; both are made where they are missing
        out: PathBuf,
        #[arg(long, value_enum, default_value = "short")]
        length: plan::Length,
        #[command(flatten)]
        limit: Limit,
    },
    /// Measure what registering one pool costs one and four processes, and add it to the record in a folder
    Registering {
        /// The folder with the record; both are made where they are missing
        out: PathBuf,
        /// New processes for each
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        #[command(flatten)]
        limit: Limit,
    },
    /// Write the tables and plots of a record beside it, and the tables into the places that documents have for them
    Tables {
        /// A record that `run` has written
        record: PathBuf,
        /// Fill only the place of this name; may be given several times
        #[arg(long)]
        only: Vec<String>,
        /// Documents with `<!-- figures: NAME -->` and `<!-- end figures -->`
        documents: Vec<PathBuf>,
    },
    #[command(hide = true)]
    Camera,
    #[command(hide = true)]
    Consumer,
    #[command(hide = true)]
    Registrant,
    #[command(hide = true)]
    Bystander,
}

#[derive(clap::Args)]
struct Limit {
    /// Begin nothing that would not end within so many seconds
    #[arg(long, value_name = "SECONDS")]
    within: Option<f64>,
}

impl Limit {
    fn deadline(&self) -> Option<Instant> {
        Some(Instant::now() + Duration::try_from_secs_f64(self.within?).ok()?)
    }
}

/// The record in a folder, or a new one.
fn record_in(out: &Path, pinner: &Pinner) -> Outcome<Record> {
    std::fs::create_dir_all(out)?;
    let path = out.join("record.json");
    match path.exists() {
        true => Record::read(&path),
        false => Ok(Record::new(environment::read(pinner))),
    }
}

fn measure_copies(out: &Path, length: plan::Length, limit: &Limit) -> Outcome {
    let pinner = Pinner::builder().device(0).build();
    let mut record = record_in(out, &pinner)?;
    copies::measure(&pinner, length, limit.deadline(), |copies| {
        record.copies = Some(copies.clone());
        record.save(out)
    })
}

fn measure_registering(out: &Path, rounds: usize, limit: &Limit) -> Outcome {
    let pinner = Pinner::builder().device(0).build();
    let mut record = record_in(out, &pinner)?;
    registering::measure(rounds, limit.deadline(), |registering| {
        record.registering = Some(registering.clone());
        record.save(out)
    })
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run {
            out,
            length,
            dora,
            device_only,
            record_only,
            limit,
        } => measure::run(&measure::Request {
            out,
            length,
            dora,
            device_only,
            record_only,
            deadline: limit.deadline(),
        }),
        Command::Look => copies::look(&Pinner::builder().device(0).build()),
        Command::Copies { out, length, limit } => measure_copies(&out, length, &limit),
        Command::Registering { out, rounds, limit } => measure_registering(&out, rounds, &limit),
        Command::Tables {
            record,
            only,
            documents,
        } => report::write_tables(&record, &only, &documents),
        Command::Camera => camera::run(),
        Command::Consumer => consumer::run(),
        Command::Registrant => registering::run_registrant(),
        Command::Bystander => registering::run_bystander(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("camera-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
