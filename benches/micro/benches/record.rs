//! What was left out of a run and why, and where the run was made: printed, and written beside the results.

use std::{
    fmt::Display,
    fs::{self, File},
    io::Write,
    path::Path,
};

use zenoh_pinned_measuring::machine;
use zenoh_pinned_micro_bench::results::{ENVIRONMENT, LEFT_OUT};

use crate::{Error, Outcome, device::Device};

pub(crate) struct Record {
    /// `None` where nothing is measured.
    left_out: Option<File>,
}

impl Record {
    /// Begins anew in this folder; without one, only prints.
    pub(crate) fn begin(
        folder: Option<&Path>,
        processor: usize,
        device: &Result<Device, String>,
    ) -> Result<Self, Error> {
        let Some(folder) = folder else {
            return Ok(Self { left_out: None });
        };
        fs::create_dir_all(folder)?;
        let device = match device {
            Ok(device) => device.name.as_str(),
            Err(_) => "none",
        };
        let environment = environment(processor, device);
        eprintln!("{environment}");
        fs::write(folder.join(ENVIRONMENT), environment)?;
        let left_out = File::create(folder.join(LEFT_OUT))?;
        Ok(Self {
            left_out: Some(left_out),
        })
    }

    /// To standard error, as lists of benchmarks go to standard output.
    pub(crate) fn leave_out(&mut self, what: &str, why: impl Display) -> Outcome {
        let why = why.to_string().replace('\n', " ");
        eprintln!("left out: {what}: {why}");
        if let Some(file) = &mut self.left_out {
            writeln!(file, "{what}\t{why}")?;
        }
        Ok(())
    }
}

fn environment(processor: usize, device: &str) -> String {
    format!(
        "{}, on processor {processor}, {} GiB of memory, shmem huge pages: {}, {}, zenoh 1.10, device: {device}",
        machine::system(),
        rustix::system::sysinfo().totalram as u64 >> 30,
        machine::shared_huge_pages(),
        machine::build(),
    )
}
