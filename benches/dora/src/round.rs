//! Rounds of all arms, one after the other, and what they gave.

use std::path::Path;

use crate::{
    Outcome,
    arm::{Arm, Nodes},
    bare, dataflow,
};

/// Frames at the beginning of a round that are not counted.
pub(crate) const WARM_UP: u64 = 10;

/// How often and how fast.
pub(crate) struct Plan {
    pub(crate) rounds: u32,
    pub(crate) frames: u64,
    pub(crate) interval_microseconds: u64,
}

/// A frame as its sink saw it; times in nanoseconds of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) frame: u64,
    pub(crate) begun: u64,
    pub(crate) sent: u64,
    pub(crate) arrived: u64,
    pub(crate) shared: bool,
}

/// What one round of one arm gave. CPU times in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) sent: u64,
    pub(crate) camera_cpu: u64,
    pub(crate) daemon_cpu: u64,
    pub(crate) sink_cpu: u64,
    /// Nanoseconds of each frame that its camera spent in the calls that send it, without writing it.
    pub(crate) calls: Vec<u64>,
}

/// All rounds of an arm.
pub(crate) struct Measured {
    pub(crate) arm: Arm,
    pub(crate) rounds: Vec<Round>,
}

impl Plan {
    pub(crate) fn run(&self, python: &Path, nodes: Nodes, arms: &[Arm]) -> Outcome<Vec<Measured>> {
        let fresh = |arm: &Arm| Measured {
            arm: *arm,
            rounds: Vec::new(),
        };
        let mut measured: Vec<_> = arms.iter().map(fresh).collect();
        for round in 1..=self.rounds {
            for arm in &mut measured {
                eprintln!(
                    "round {round} of {}, camera in {:?}, sink in {:?}: {}",
                    self.rounds,
                    nodes.camera,
                    nodes.sink,
                    arm.arm.name()
                );
                arm.rounds.push(match arm.arm {
                    Arm::BareCallback => bare::round(self, "callback")?,
                    Arm::BareReceive => bare::round(self, "receive")?,
                    of_dora => dataflow::round(self, python, nodes, of_dora)?,
                });
            }
        }
        Ok(measured)
    }
}

impl Round {
    /// What a sink wrote: a line for each frame, and one for its CPU time.
    pub(crate) fn read_sink(&mut self, text: &str) {
        for line in text.lines() {
            let fields: Vec<u64> = line
                .split(' ')
                .filter_map(|field| field.parse().ok())
                .collect();
            match fields.as_slice() {
                [cpu] => self.sink_cpu = *cpu,
                [frame, begun, sent, arrived, shared] => self.arrivals.push(Arrival {
                    frame: *frame,
                    begun: *begun,
                    sent: *sent,
                    arrived: *arrived,
                    shared: *shared == 1,
                }),
                _ => {}
            }
        }
    }

    /// The arrivals that count.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &Arrival> {
        self.arrivals
            .iter()
            .filter(|arrival| arrival.frame >= WARM_UP)
    }
}
