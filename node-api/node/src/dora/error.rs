//! What can go wrong with one message.

use std::time::Duration;

use dora_message::id::DataId;
use dora_node_api::NodeError;
use zenoh_pinned::{AllocError, PoolError};

use super::{DaemonError, TypeMismatch};
use crate::arrow_stream::EncodeError;

/// Why a message was not sent. Unless the variant says otherwise nothing of it has arrived anywhere, dora's
/// node is as it was, and the next message can be sent.
///
/// ```no_run
/// # let (mut node, _events) = dora_node_api::DoraNode::init_from_env()?;
/// # let mut outputs = zenoh_pinned_node::dora::PinnedOutputs::attach(&node);
/// # let image: dora_node_api::dora_core::config::DataId = "image".parse()?;
/// use zenoh_pinned_node::dora::{Pinned, SendError};
///
/// match outputs.send_output(&mut node, image, Default::default(), vec![0u8; 1 << 30], Pinned) {
///     Err(SendError::OverBudget { max_bytes, .. }) => println!("more than {max_bytes} bytes"),
///     sent => drop(sent?),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The node does not declare this output. (`send_output` ignores such messages, as dora's own does.)
    #[error("the node has no output `{output}`: declare it under `outputs:` in the dataflow")]
    UndeclaredOutput {
        /// The output asked for.
        output: DataId,
    },
    /// A shape whose size overflows or is zero.
    #[error("an array of shape {shape:?} cannot be allocated: its size is zero or overflows")]
    Shape {
        /// The shape asked for.
        shape: Vec<usize>,
    },
    /// The output declares another type.
    #[error(transparent)]
    Type(#[from] TypeMismatch),
    /// The array cannot be written as a message.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The output is a pinned one, and a message sent by dora's own call would overtake others.
    #[error(
        "output `{output}` sends through pinned memory, so all of its messages do: send this one pinned too"
    )]
    Pinned {
        /// The output.
        output: DataId,
    },
    /// No pool may be made that large.
    #[error(
        "the message for `{output}` needs {needed_bytes} bytes of pinned memory, {left_bytes} of {max_bytes} are left: raise ZENOH_PINNED_MAX_BYTES"
    )]
    OverBudget {
        /// The output.
        output: DataId,
        /// Bytes of the message.
        needed_bytes: u64,
        /// Bytes that further pools may have.
        left_bytes: u64,
        /// The bound of the node's pools.
        max_bytes: u64,
    },
    /// A further pool, for messages larger than the first, could not be made.
    #[error("a pool for larger messages could not be made: {0}")]
    Pool(#[from] PoolError),
    /// Every slot stayed in use for as long as the call was to wait; the source says who has them. The message is
    /// counted.
    #[error("output `{output}` waited {waited:?} for a slot: {source}")]
    Full {
        /// The output.
        output: DataId,
        /// How long the call waited.
        waited: Duration,
        /// What the pool says.
        source: AllocError,
    },
    /// zenoh did not take the message.
    #[error("zenoh did not take the message for `{output}`: {detail}")]
    Publish {
        /// The output.
        output: DataId,
        /// What zenoh said.
        detail: String,
    },
    /// The message has arrived, but the daemon could not be told: input deadlines are not fed any more.
    #[error("the message has arrived, but its output's deadlines do not know of it: {0}")]
    Report(#[from] DaemonError),
    /// The output goes by way of the daemon, and that failed.
    #[error("the message for `{output}` did not reach the daemon: {source}")]
    Daemon {
        /// The output.
        output: DataId,
        /// What failed.
        source: DaemonError,
    },
    /// The output is on dora's own path, and that failed.
    #[error(transparent)]
    Dora(#[from] NodeError),
}
