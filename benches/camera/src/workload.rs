//! What a round asks of its processes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{arm::Arm, placement::Placement};

/// Slots of a producer, in every arm that lets one choose.
pub const SLOTS: usize = 8;
/// Frames at the beginning of a dora round that are not counted; the others begin at a word of the parent.
pub const WARM_UP_FRAMES: u64 = 20;

/// How many, how fast, how long.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    pub cameras: usize,
    pub consumers: usize,
    /// Frames per second and camera; `None` for as fast as they go.
    pub rate: Option<f64>,
    /// How long the counted part of a round takes, in seconds.
    pub seconds: f64,
    pub placement: Placement,
}

/// What one process is to do. Travels as JSON in the environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    pub arm: Arm,
    pub workload: Workload,
    /// Of the camera or the consumer.
    pub index: usize,
    /// Where endpoints, names and results of the round are.
    pub folder: PathBuf,
}

impl Workload {
    pub fn name(&self) -> String {
        let plural = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        let (cameras, consumers) = (
            plural(self.cameras, "camera"),
            plural(self.consumers, "consumer"),
        );
        let speed = match self.rate {
            Some(rate) => format!("{rate} Hz"),
            None => String::from("full speed"),
        };
        let placement = match self.placement {
            Placement::Apart => "apart",
            Placement::Free => "placed freely",
        };
        format!("{cameras}, {consumers}, {speed}, {placement}")
    }

    /// Nanoseconds between two frames; zero at full speed.
    pub fn period(&self) -> u64 {
        self.rate.map_or(0, |rate| (1e9 / rate) as u64)
    }

    pub fn nanoseconds(&self) -> u64 {
        (self.seconds * 1e9) as u64
    }
}

impl Orders {
    pub const VARIABLE: &str = "CAMERA_BENCH_ORDERS";

    pub fn from_environment() -> crate::Outcome<Self> {
        let text = std::env::var(Self::VARIABLE)
            .map_err(|_| format!("{} is not set: `run` starts this", Self::VARIABLE))?;
        Ok(serde_json::from_str(&text)?)
    }

    pub fn endpoint(&self, camera: usize) -> String {
        let socket = self.folder.join(format!("camera-{camera}.sock"));
        format!("unixsock-stream/{}", socket.display())
    }

    /// Where a process leaves what it has seen.
    pub fn result(&self, role: &str, index: usize) -> PathBuf {
        self.folder.join(format!("{role}-{index}"))
    }
}
