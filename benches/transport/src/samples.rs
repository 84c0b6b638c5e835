//! Times, their percentiles, and the machine they were taken on.

use zenoh_pinned_measuring::machine;

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

    /// p50 and p99, for a table whose columns are arms.
    pub(crate) fn cell(&self) -> String {
        let figures = || format!("{:.2} / {:.2}", self.percentile(50), self.percentile(99));
        (!self.nanoseconds.is_empty())
            .then(figures)
            .unwrap_or_else(|| String::from("-"))
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

/// The machine, and how this was built.
pub(crate) fn environment() -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{}, {processors} processors, shmem huge pages: {}, {}, zenoh 1.10, unix sockets, frames of {} bytes",
        machine::system(),
        machine::shared_huge_pages(),
        machine::build(),
        crate::FRAME_BYTES
    )
}
