//! What a node's pinned outputs have done.

use dora_message::id::DataId;
use zenoh_pinned::PoolStatistics;

use super::DoraPathReason;

/// The way of an output's messages. Once settled it never changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OutputPath {
    /// Nothing has been sent yet; the first message settles it.
    #[default]
    Unsettled,
    /// Pinned shared memory.
    Pinned,
    /// As dora itself sends.
    Dora(DoraPathReason),
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It went through pinned shared memory.
    Pinned,
    /// It went as bytes on a pinned output, because it is small ([`Settings::shared_from_bytes`](super::Settings::shared_from_bytes)) or a
    /// consumer cannot attach a pool that is large enough.
    Bytes,
    /// dora sent it.
    Dora,
    /// Every slot was in use, and the caller had not asked for a wait, or had chosen to drop the message then.
    Dropped,
    /// The node does not declare the output; dora ignores such messages, with one warning.
    Ignored,
}

/// Counters of one output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputReport {
    /// The output.
    pub output: DataId,
    /// Its path.
    pub path: OutputPath,
    /// Messages that went through pinned memory.
    pub sent: u64,
    /// Bytes of these messages, their Arrow heads included.
    pub sent_bytes: u64,
    /// Messages of a pinned output that went as bytes: small ones, and those for which a consumer cannot attach a
    /// pool.
    pub sent_as_bytes: u64,
    /// Messages that failed because no slot came free in time.
    pub timeouts: u64,
    /// Messages that were dropped for the same reason.
    pub dropped: u64,
}

/// Counters of a node's pinned outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Those outputs that something was sent or allocated for.
    pub outputs: Vec<OutputReport>,
    /// The pools that are written, by output, and then those that are only there because a consumer still holds
    /// slots of them. They say how often and how long allocations waited for a consumer.
    pub pools: Vec<PoolStatistics>,
}
