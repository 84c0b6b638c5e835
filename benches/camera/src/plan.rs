//! Which rounds are run.

use crate::{arm::Arm, placement::Placement, workload::Workload};

/// Arms that are compared under one workload; their rounds alternate.
pub struct Comparison {
    pub workload: Workload,
    pub arms: Vec<Arm>,
    pub rounds: usize,
}

/// How long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Length {
    /// Half a minute, to see that everything runs; fewer comparisons.
    Trial,
    /// Some six minutes.
    Short,
    /// Long enough for a p99.9 at 30 Hz; some twenty minutes.
    Full,
}

impl Length {
    /// Rounds, and seconds of one, of the main comparisons.
    fn main(self) -> (usize, f64) {
        match self {
            Self::Trial => (1, 0.5),
            Self::Short => (3, 2.5),
            Self::Full => (5, 10.0),
        }
    }

    /// The same of the comparisons of numbers of processes.
    fn scaling(self) -> (usize, f64) {
        match self {
            Self::Trial => (1, 0.3),
            Self::Short => (1, 1.5),
            Self::Full => (3, 4.0),
        }
    }
}

fn workload(cameras: usize, consumers: usize, rate: Option<f64>, seconds: f64) -> Workload {
    Workload {
        cameras,
        consumers,
        rate,
        seconds,
        placement: Placement::Apart,
    }
}

/// The host side: dora beside zenoh and iceoryx2, then without dora, with more consumers and more cameras.
pub fn host(length: Length) -> Vec<Comparison> {
    let (rounds, seconds) = length.main();
    let paced = workload(1, 1, Some(30.0), seconds);
    let fast = workload(1, 1, None, seconds.min(2.0));
    let free = |workload| Workload {
        placement: Placement::Free,
        ..workload
    };
    let without_dora = [Arm::Stock, Arm::Pinned, Arm::PinnedLine, Arm::Iceoryx];
    let mut plan = Vec::new();
    for (workload, arms) in [
        (paced, &without_dora[..]),
        (fast, &without_dora[..]),
        (free(paced), &Arm::HOST[..]),
        (free(fast), &Arm::HOST[..]),
    ] {
        plan.push(Comparison {
            workload,
            arms: arms.to_vec(),
            rounds,
        });
    }
    let (rounds, seconds) = length.scaling();
    let numbers: &[_] = match length {
        Length::Trial => &[(2, 2)],
        _ => &[(1, 2), (1, 4), (1, 8), (2, 1), (4, 1), (4, 4)],
    };
    for rate in [Some(30.0), None] {
        for &(cameras, consumers) in numbers {
            plan.push(Comparison {
                workload: workload(cameras, consumers, rate, seconds),
                arms: without_dora.to_vec(),
                rounds,
            });
        }
    }
    plan
}

/// The device side: the four memories a device can be fed from, then more consumers and more cameras.
pub fn device(length: Length) -> Vec<Comparison> {
    let (rounds, seconds) = match length {
        Length::Trial => (1, 0.5),
        Length::Short => (2, 2.5),
        Length::Full => (5, 10.0),
    };
    let compare = |cameras, consumers, rate, seconds, rounds| Comparison {
        workload: workload(cameras, consumers, rate, seconds),
        arms: Arm::DEVICE.to_vec(),
        rounds,
    };
    let mut plan = vec![
        compare(1, 1, Some(30.0), seconds, rounds),
        compare(1, 1, None, seconds.min(1.5), rounds),
    ];
    let (rounds, seconds) = length.scaling();
    let numbers: &[_] = match length {
        Length::Trial => &[(2, 2)],
        _ => &[(1, 4), (4, 4)],
    };
    for &(cameras, consumers) in numbers {
        plan.push(compare(cameras, consumers, None, seconds.min(1.0), rounds));
    }
    plan
}
