//! What a data plane tells about its servers.

use bytemuck::{Pod, Zeroable};

use crate::record::Record;

/// How many servers there can be.
pub const SERVERS: usize = 64;

/// How many features of its reservoirs each server has, see [`feature_names`].
pub const FEATURES: usize = 10;

const METRICS: [&str; 2] = ["fct", "flow_duration"];
const OF_EACH_METRIC: [&str; 5] = ["mean", "p90", "std", "mean_decay", "p90_decay"];

/// The names of the features, in their order: five each of the flow completion times and of the flow durations.
///
/// ```
/// let names: Vec<_> = zenoh_pinned_exchange::feature_names().collect();
/// assert_eq!(names[..2], ["fct_mean", "fct_p90"]);
/// assert_eq!(names[5], "flow_duration_mean");
/// ```
pub fn feature_names() -> impl Iterator<Item = String> {
    let metrics = METRICS.into_iter();
    metrics.flat_map(|metric| OF_EACH_METRIC.map(|feature| format!("{metric}_{feature}")))
}

/// One observation, 2,880 bytes. The header file has the same structure as `zpx_observation`.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Observation {
    /// The observation's number, given when it is written.
    pub sequence_id: u64,
    /// Microseconds since 1970. Where it is 0, the moment of writing is put there.
    pub timestamp_us: u64,
    /// Bit `i` is set while server `i` takes flows.
    pub active_as_bitmap: u64,
    /// How many bits are set, counted when it is written.
    pub num_active_as: u32,
    /// Not used.
    pub reserved: u32,
    /// What is known of each server.
    pub as_stats: [ServerStatistics; SERVERS],
    /// How many data planes the region has had, the writer of this included. Given when it is written.
    pub incarnation: u64,
    /// Not used.
    pub reserved_for_later: [u64; 3],
}

/// What is known of one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct ServerStatistics {
    /// Flows that it has just now.
    pub n_flow_on: u32,
    /// Features of its reservoirs, in the order of [`feature_names`].
    pub reservoir_features: [f32; FEATURES],
}

impl Record for Observation {
    const NAME: &str = "load balancer's observation, version 1";
}

impl Default for Observation {
    fn default() -> Self {
        Self::zeroed()
    }
}

impl Observation {
    /// The numbers of the servers that take flows.
    ///
    /// ```
    /// let mut observation = zenoh_pinned_exchange::Observation::default();
    /// observation.active_as_bitmap = 0b1011;
    /// assert_eq!(observation.active_servers().collect::<Vec<_>>(), [0, 1, 3]);
    /// ```
    pub fn active_servers(&self) -> impl Iterator<Item = usize> + use<> {
        let bitmap = self.active_as_bitmap;
        (0..SERVERS).filter(move |server| bitmap >> server & 1 == 1)
    }
}
