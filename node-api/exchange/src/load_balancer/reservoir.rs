//! The raw samples of a server, for agents that want more than features.

use bytemuck::{Pod, Zeroable};

use crate::record::Record;

/// How many samples a reservoir holds.
pub const RESERVOIR_SAMPLES: usize = 128;

/// What a server's reservoir samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Flow completion time.
    FlowCompletionTime = 0,
    /// Flow duration so far.
    FlowDuration = 1,
}

/// The samples of one server and metric, 1,552 bytes. Each reservoir is exchanged by itself.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Reservoir {
    /// The samples, in the metric's unit; the first `count` are valid.
    pub values: [f32; RESERVOIR_SAMPLES],
    /// When each was taken, in microseconds since 1970.
    pub timestamps: [u64; RESERVOIR_SAMPLES],
    /// How many flows the samples were drawn from.
    pub seen: u64,
    /// How many samples there are.
    pub count: u32,
    /// Not used.
    pub reserved: u32,
}

impl Record for Reservoir {
    const NAME: &str = "load balancer's reservoir, version 1";
}

impl Default for Reservoir {
    fn default() -> Self {
        Self::zeroed()
    }
}
