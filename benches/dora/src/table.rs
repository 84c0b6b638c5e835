//! Tables in Markdown.

use zenoh_pinned_measuring::machine;

use crate::{
    arm::Arm,
    round::{Arrival, Measured, Round},
};

/// Kernel, processors, and versions.
pub(crate) fn environment() -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{}, {processors} processors, {}, dora 1.1, frames of {} bytes",
        machine::system(),
        machine::build(),
        crate::FRAME_BYTES
    )
}

/// Latencies in milliseconds and CPU time in seconds for 300 frames.
pub(crate) fn latencies(title: &str, arms: &[Measured]) {
    println!(
        "\n| {title} | in shared memory | transport p50 / p99 ms | end to end p50 / p99 ms | sending calls p50 us | CPU s of \
         camera / daemon / sink |\n|---|---|---|---|---|---|"
    );
    for arm in arms {
        let sent: u64 = arm.rounds.iter().map(|round| round.sent).sum();
        let arrivals: Vec<&Arrival> = arm.rounds.iter().flat_map(Round::counted).collect();
        let shared = arrivals.iter().filter(|arrival| arrival.shared).count();
        let transport = Percentiles::of(&arrivals, |arrival| arrival.arrived - arrival.sent);
        let whole = Percentiles::of(&arrivals, |arrival| arrival.arrived - arrival.begun);
        let cpu = |of: fn(&Round) -> u64| {
            let total: u64 = arm.rounds.iter().map(of).sum();
            total as f64 / 1e9 * 300.0 / sent as f64
        };
        let daemon = match arm.arm {
            Arm::BareCallback | Arm::BareReceive => String::from("-"),
            _ => format!("{:.2}", cpu(|round| round.daemon_cpu)),
        };
        println!(
            "| {} | {shared} of {sent} | {transport} | {whole} | {} | {:.2} / {daemon} / {:.2} |",
            arm.arm.name(),
            calls(arm),
            cpu(|round| round.camera_cpu),
            cpu(|round| round.sink_cpu),
        );
    }
}

/// The median time that a camera spent in the calls that send a frame.
fn calls(arm: &Measured) -> String {
    let rounds = arm.rounds.iter().flat_map(|round| &round.calls);
    let mut calls: Vec<u64> = rounds.copied().collect();
    calls.sort_unstable();
    match calls.get(calls.len() / 2) {
        Some(nanoseconds) => format!("{:.0}", *nanoseconds as f64 / 1e3),
        None => String::from("-"),
    }
}

/// Frames per second and losses, the medians of the rounds.
pub(crate) fn throughput(title: &str, arms: &[Measured]) {
    println!(
        "\n| {title} | frames/s | lost | out of order | in shared memory | sending calls p50 us |\n\
         |---|---|---|---|---|---|"
    );
    for arm in arms {
        let sent: u64 = arm.rounds.iter().map(|round| round.sent).sum();
        let mut rates: Vec<f64> = arm.rounds.iter().filter_map(rate).collect();
        rates.sort_by(f64::total_cmp);
        let rate = rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN);
        let arrivals: Vec<&Arrival> = arm.rounds.iter().flat_map(Round::counted).collect();
        let late: usize = arm.rounds.iter().map(out_of_order).sum();
        let shared = arrivals.iter().filter(|arrival| arrival.shared).count();
        println!(
            "| {} | {rate:.0} | {} of {sent} | {late} | {shared} | {} |",
            arm.arm.name(),
            sent - arrivals.len() as u64,
            calls(arm),
        );
    }
}

fn rate(round: &Round) -> Option<f64> {
    let first = round.counted().map(|arrival| arrival.arrived).min()?;
    let last = round.counted().map(|arrival| arrival.arrived).max()?;
    let count = round.counted().count();
    (last > first).then(|| (count - 1) as f64 / ((last - first) as f64 / 1e9))
}

fn out_of_order(round: &Round) -> usize {
    let numbers: Vec<u64> = round.counted().map(|arrival| arrival.frame).collect();
    numbers.windows(2).filter(|pair| pair[1] < pair[0]).count()
}

struct Percentiles {
    p50: f64,
    p99: f64,
}

impl Percentiles {
    fn of(arrivals: &[&Arrival], time: impl Fn(&Arrival) -> u64) -> Self {
        let mut times: Vec<u64> = arrivals.iter().map(|arrival| time(arrival)).collect();
        times.sort_unstable();
        let at = |percent: usize| {
            let index = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(index).map_or(f64::NAN, |time| *time as f64 / 1e6)
        };
        Self {
            p50: at(50),
            p99: at(99),
        }
    }
}

impl std::fmt::Display for Percentiles {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:.2} / {:.2}", self.p50, self.p99)
    }
}
