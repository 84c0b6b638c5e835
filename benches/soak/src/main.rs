//! Four cameras at 30 Hz, 1920x1080 RGBA, and four consumers, three of which join, leave and are killed at
//! random while the fourth opens and closes its session: for ten minutes by default.
//!
//! `soak SECONDS RESULTS [DRIVER]` samples every process once a second, writes `RESULTS.csv`, `RESULTS.svg`
//! and `RESULTS.md`, and fails where something grew. `DRIVER` is a folder with a CUDA driver double, for
//! machines without a GPU. `soak plot RESULTS` draws the plot of recorded samples anew. The other arguments are those
//! it starts itself with.

mod camera;
mod consumer;
mod crowd;
mod plot;
mod process;
mod report;
mod watch;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use zenoh_pinned_measuring::session;

/// What may go wrong in any part of it: it ends with the message.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Cameras, and consumers.
pub const CAMERAS: usize = 4;
/// Bytes of a frame.
pub const FRAME_BYTES: usize = 1920 * 1080 * 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["camera", endpoint, index] => camera::run(endpoint, index),
        ["consumer", index, stays, ref endpoints @ ..] => {
            consumer::run(index, stays == "stays", endpoints)
        }
        ["plot", results] => report::plot_again(results).map(|()| true),
        [seconds, results] => soak(seconds, results, None),
        [seconds, results, driver] => soak(seconds, results, Some(PathBuf::from(driver))),
        _ => Err(
            "usage: soak SECONDS RESULTS [FOLDER OF A DRIVER DOUBLE], or soak plot RESULTS".into(),
        ),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn soak(seconds: &str, results: &str, driver: Option<PathBuf>) -> Outcome<bool> {
    let duration = Duration::from_secs(seconds.parse()?);
    let mut crowd = crowd::Crowd::start(driver)?;
    let samples = watch::during(duration, &mut crowd)?;
    let left = crowd.end()?;
    report::write(results, &samples, &left)
}
