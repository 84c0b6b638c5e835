//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use zenoh::config::EndPoint;

use crate::session;

/// Where `publish` listens and `subscribe` connects when no endpoint is given.
const DEFAULT_ENDPOINT: &str = "tcp/127.0.0.1:7447";

/// Sends video frames to another process through pinned shared memory, and from there to a GPU.
#[derive(Debug, Parser)]
#[command(name = "camera", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Publish frames and start a subscriber process of its own to receive them
    Run(RunArguments),
    /// Publish frames for a subscriber started elsewhere
    Publish(PublishArguments),
    /// Receive the frames of a publisher started elsewhere
    Subscribe(SubscribeArguments),
}

impl Command {
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Run(run) => run.json,
            Self::Publish(publish) => publish.json,
            Self::Subscribe(subscribe) => subscribe.json,
        }
    }

    pub(crate) fn supervised(&self) -> bool {
        matches!(self, Self::Subscribe(subscribe) if subscribe.supervised)
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    #[command(flatten)]
    pub(crate) consumer: ConsumerArguments,
    /// Print one JSON object on stdout instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    /// Where to listen for subscribers
    #[arg(long, default_value = DEFAULT_ENDPOINT, value_parser = endpoint)]
    pub(crate) endpoint: String,
    /// Print one JSON object on stdout instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SubscribeArguments {
    #[command(flatten)]
    pub(crate) consumer: ConsumerArguments,
    /// Where the publisher listens, such as tcp/192.0.2.1:7447
    #[arg(long, default_value = DEFAULT_ENDPOINT, value_parser = endpoint)]
    pub(crate) endpoint: String,
    /// Print one JSON object on stdout instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Say on stdout when ready, and end when stdin closes
    #[arg(long, hide = true)]
    pub(crate) supervised: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SourceArguments {
    /// A video file, /dev/videoN, or "pattern" for a test pattern; without it, the clip that
    /// ships with this example
    #[arg(long, value_name = "FILE|/dev/videoN|pattern")]
    pub(crate) input: Option<String>,
    /// Frames per second; 0 for as many as possible
    #[arg(long, default_value_t = 30.0, value_parser = frame_rate)]
    pub(crate) fps: f64,
    /// Frames to send; 0 to go on until Ctrl-C
    #[arg(long, default_value_t = 300)]
    pub(crate) frames: u64,
    /// Width of a frame in pixels
    #[arg(long, default_value_t = 1920, value_parser = clap::value_parser!(u32).range(1..=16384))]
    pub(crate) width: u32,
    /// Height of a frame in pixels
    #[arg(long, default_value_t = 1080, value_parser = clap::value_parser!(u32).range(1..=16384))]
    pub(crate) height: u32,
}

#[derive(Debug, Args)]
pub(crate) struct ConsumerArguments {
    /// The GPU to copy the frames to
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) device: usize,
    /// Keep the frames on the host and never touch CUDA
    #[arg(long)]
    pub(crate) host: bool,
    /// Write the last frame received to this file
    #[arg(long, value_name = "FILE.png")]
    pub(crate) save_frame: Option<PathBuf>,
}

fn endpoint(text: &str) -> Result<String, String> {
    match text.parse::<EndPoint>() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(session::plain(error).to_string()),
    }
}

fn frame_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate == 0.0 || (0.001..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("give 0, or a number of frames per second from 0.001 to 100000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_those_of_a_full_hd_camera() {
        let arguments = Arguments::try_parse_from(["camera", "run"]).unwrap();
        let Command::Run(run) = arguments.command else {
            panic!("`run` was not understood");
        };
        assert_eq!(
            (run.source.width, run.source.height, run.source.frames),
            (1920, 1080, 300)
        );
        assert_eq!(run.source.fps, 30.0);
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        assert!(endpoint("tcp/127.0.0.1:7447").is_ok());
        let error = endpoint("nonsense").unwrap_err();
        assert!(!error.contains(".rs"), "{error}");
    }

    #[test]
    fn a_frame_rate_that_is_not_one_is_refused() {
        for text in ["-1", "NaN", "inf", "fast", "0.0000001"] {
            assert!(frame_rate(text).is_err(), "{text} was accepted");
        }
    }
}
