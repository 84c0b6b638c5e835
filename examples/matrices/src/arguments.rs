//! The command line.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use matrices::{
    input::Kind,
    matrix::{ElementType, Shape},
    pipeline::MOST_MEGABYTES,
    roles::Role,
};

/// Produces matrices, compresses them and stores them as a Zarr array, in processes that share one memory.
#[derive(Debug, Parser)]
#[command(name = "matrices", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read a folder of matrices back, and say whether all of them are there and right
    Verify {
        /// What --output-dir was
        folder: PathBuf,
        /// Print one JSON object on stdout instead of a table
        #[arg(long)]
        json: bool,
    },
    /// A worker process; the pipeline starts it
    #[command(hide = true)]
    Work {
        /// What it does
        #[arg(value_parser = |name: &str| name.parse::<Role>())]
        role: Role,
        /// The store
        output: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Processes that produce matrices
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = workers)]
    pub(crate) num_producers: usize,
    /// Processes that compress them
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = workers)]
    pub(crate) num_compressors: usize,
    /// Processes that store them
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = workers)]
    pub(crate) num_writers: usize,
    /// How many buffers of shared memory there are at most. A matrix has two while it is compressed
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=4096))]
    pub(crate) max_buffers: u32,
    /// How many MiB (1048576 bytes) a buffer has at most. Buffers times this is all the memory that matrices get
    #[arg(long, default_value_t = 100, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=MOST_MEGABYTES))]
    pub(crate) buffer_size_mb: u64,
    /// Whether a buffer is used again. Otherwise each goes back to the system, and the next one is new
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set)]
    pub(crate) enable_buffer_reuse: bool,
    /// After how many seconds buffers that are not needed go back to the system
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) cleanup_interval: f64,
    /// Where the dashboard listens. Only this machine, as there is no password: whoever reaches it sees everything.
    /// 0.0.0.0 is every address of this machine
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(crate) dashboard_host: IpAddr,
    /// The dashboard's port; 0 for any that is free
    #[arg(long, default_value_t = 8000, value_name = "PORT")]
    pub(crate) dashboard_port: u16,
    /// Serve no dashboard
    #[arg(long)]
    pub(crate) no_dashboard: bool,
    /// The folder that the matrices go to, as a Zarr group
    #[arg(long, default_value = "output", value_name = "FOLDER")]
    pub(crate) output_dir: PathBuf,
    /// Replace what an earlier run has stored there
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Take the matrices of a .npy file, or of all .npy files of a folder, instead of making them up
    #[arg(long, value_name = "FILE|FOLDER", conflicts_with_all = ["kind", "shape", "dtype", "seed"])]
    pub(crate) input: Option<PathBuf>,
    /// What matrices that are made up look like: random, smooth, or ramp
    #[arg(long, default_value = "smooth", value_parser = |name: &str| name.parse::<Kind>())]
    pub(crate) kind: Kind,
    /// How many matrices; 0 to go on until Ctrl-C [default: 100, or as many as the input has]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Rows and columns
    #[arg(long, default_value = "1000x1000", value_name = "ROWSxCOLUMNS", value_parser = |text: &str| text.parse::<Shape>())]
    pub(crate) shape: Shape,
    /// Type of the numbers, as NumPy calls it: float32, float64, int8 to int64, uint8 to uint64
    #[arg(long, default_value = "float64", value_name = "TYPE", value_parser = |name: &str| name.parse::<ElementType>())]
    pub(crate) dtype: ElementType,
    /// Another seed makes up other matrices
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,
    /// zstd's level, from 1 (fast) to 22 (small)
    #[arg(long, default_value_t = 3, value_name = "LEVEL")]
    pub(crate) level: i32,
    /// Whether the first bytes of all numbers are put first, then the second ones, and so on: measured values become smaller,
    /// and faster. Otherwise each matrix is one plain zstd frame [default: true, but false with --compressor]
    #[arg(long, value_name = "true|false", default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    pub(crate) shuffle: Option<bool>,
    /// A program of your own that compresses, with its arguments, in place of the one that is built in: the program itself,
    /// not one that starts it
    #[arg(long, value_name = "COMMAND")]
    pub(crate) compressor: Option<String>,
    /// Print one JSON object on stdout instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

impl RunArguments {
    /// Whether numbers of this type are shuffled. A program of somebody's own makes plain frames unless it is told otherwise.
    pub(crate) fn shuffles(&self, element: ElementType) -> bool {
        let by_itself = self.compressor.is_none() && element.bytes() > 1;
        self.shuffle.unwrap_or(by_itself)
    }
}

fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(workers @ 1..=64) => Ok(workers),
        _ => Err(String::from("give 1 to 64")),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err(String::from("give 0 to 86400 seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> RunArguments {
        let all = std::iter::once(&"matrices").chain(arguments);
        Arguments::try_parse_from(all).unwrap().run
    }

    #[test]
    fn the_defaults_are_those_that_are_promised() {
        let run = run(&[]);
        let workers = (run.num_producers, run.num_compressors, run.num_writers);
        assert_eq!(workers, (2, 2, 2));
        assert_eq!((run.max_buffers, run.buffer_size_mb), (20, 100));
        assert!(run.enable_buffer_reuse && !run.no_dashboard && !run.overwrite);
        assert_eq!((run.cleanup_interval, run.dashboard_port), (30.0, 8000));
        assert_eq!(run.dashboard_host, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(run.output_dir, PathBuf::from("output"));
    }

    #[test]
    fn reuse_is_switched_off_and_on_as_other_switches_are() {
        assert!(run(&["--enable-buffer-reuse"]).enable_buffer_reuse);
        assert!(run(&["--enable-buffer-reuse=true"]).enable_buffer_reuse);
        assert!(!run(&["--enable-buffer-reuse=false"]).enable_buffer_reuse);
    }

    #[test]
    fn numbers_are_shuffled_unless_somebody_else_compresses_them_or_they_have_one_byte() {
        let shuffles = |arguments: &[&str], element| run(arguments).shuffles(element);
        assert!(shuffles(&[], ElementType::F64));
        assert!(!shuffles(&[], ElementType::U8));
        assert!(!shuffles(&["--shuffle=false"], ElementType::F64));
        assert!(!shuffles(&["--compressor", "zip"], ElementType::F64));
        assert!(shuffles(
            &["--compressor", "zip", "--shuffle"],
            ElementType::F64
        ));
    }

    #[test]
    fn a_run_and_a_command_are_not_mixed() {
        let both = ["matrices", "--count", "3", "verify", "output"];
        assert!(Arguments::try_parse_from(both).is_err());
        let verify = Arguments::try_parse_from(["matrices", "verify", "output"]).unwrap();
        assert!(matches!(verify.command, Some(Command::Verify { .. })));
    }

    #[test]
    fn help_says_why_the_dashboard_is_not_for_everybody() {
        let help = <Arguments as clap::CommandFactory>::command().render_long_help();
        let help = help
            .to_string()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            help.contains("Only this machine, as there is no password"),
            "{help}"
        );
    }
}
