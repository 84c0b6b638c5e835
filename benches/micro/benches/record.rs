//! What was left out of a run and why, and where the run was made: printed, and written beside the results.

use std::{
    fmt::Display,
    fs::{self, File},
    io::Write,
    path::Path,
};

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
        placement: &str,
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
        let environment = environment(placement, device);
        eprintln!("{environment}");
        fs::write(folder.join(ENVIRONMENT), environment)?;
        let left_out = File::create(folder.join(LEFT_OUT))?;
        Ok(Self {
            left_out: Some(left_out),
        })
    }

    /// Whether benchmarks are measured, not only listed or tried.
    pub(crate) fn is_of_measurement(&self) -> bool {
        self.left_out.is_some()
    }

    /// So many samples; the fewest that Criterion takes where nothing is measured.
    pub(crate) fn samples(&self, wanted: usize) -> usize {
        match self.is_of_measurement() {
            true => wanted,
            false => 10,
        }
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

fn environment(placement: &str, device: &str) -> String {
    let system = rustix::system::uname();
    let huge_pages = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    let profile = match cfg!(debug_assertions) {
        true => "debug build, figures mean little",
        false => "release build",
    };
    format!(
        "Linux {} {}, {placement}, {} GiB of memory, shmem huge pages: {}, {profile}, zenoh 1.10, unix sockets, \
         device: {device}",
        system.release().to_string_lossy(),
        system.machine().to_string_lossy(),
        rustix::system::sysinfo().totalram as u64 >> 30,
        huge_pages.as_deref().unwrap_or("unknown").trim(),
    )
}
