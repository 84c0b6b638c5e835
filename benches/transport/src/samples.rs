//! Times, their percentiles, and the machine they were taken on.

use std::time::Duration;

pub(crate) use zenoh_pinned_measuring::clock::now;

#[derive(Default)]
pub(crate) struct Samples {
    nanoseconds: Vec<u64>,
}

impl Samples {
    pub(crate) fn push(&mut self, nanoseconds: u64) {
        self.nanoseconds.push(nanoseconds);
    }

    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.nanoseconds.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted
            .get(index)
            .map_or(f64::NAN, |sample| *sample as f64 / 1000.0)
    }

    /// A table row: name, p50, p99, number of samples.
    pub(crate) fn row(&self, name: &str) -> String {
        let (p50, p99) = (self.percentile(50), self.percentile(99));
        format!(
            "| {name} | {p50:.2} | {p99:.2} | {} |",
            self.nanoseconds.len()
        )
    }
}

pub(crate) fn heading(title: &str) {
    println!("\n| {title} | p50 us | p99 us | samples |\n|---|---|---|---|");
}

pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Kernel, processors, and the limits that matter here.
pub(crate) fn environment() -> String {
    let system = rustix::system::uname();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let huge_pages = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    let profile = if cfg!(debug_assertions) {
        "debug build, figures mean little"
    } else {
        "release build"
    };
    format!(
        "Linux {} {}, {processors} processors, shmem huge pages: {}, {profile}, zenoh 1.10, unix sockets, \
         frames of {} bytes",
        system.release().to_string_lossy(),
        system.machine().to_string_lossy(),
        huge_pages.as_deref().unwrap_or("unknown").trim(),
        crate::FRAME_BYTES
    )
}
