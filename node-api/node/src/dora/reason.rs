//! Why an output takes dora's own path.

use zenoh_pinned::FallbackReason;

use super::RequiredAcker;

/// Why an output's messages travel as dora itself sends them. No error: they arrive all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DoraPathReason {
    /// There is no `DORA_NODE_CONFIG`: a dynamic node, an interactive one or one under test. Nothing tells
    /// such a node its routes, and its consumers know no listener of it.
    #[error(
        "the node was not started by a dora daemon (dynamic, interactive or under test); start it from the dataflow's `path:`"
    )]
    NotStartedByDaemon,
    /// `DORA_NODE_CONFIG` is not what this version of dora writes.
    #[error("DORA_NODE_CONFIG cannot be read: {detail}")]
    UnreadableConfiguration {
        /// What the parser said.
        detail: String,
    },
    /// `DORA_NODE_CONFIG` describes another node than the one attached to.
    #[error("DORA_NODE_CONFIG describes node `{described}`, not this one")]
    OtherNode {
        /// The node described.
        described: String,
    },
    /// dora is not the minor version whose wire format this crate writes.
    #[error("dora {found} is not {expected}.x, whose messages this library writes")]
    OtherVersion {
        /// The version found.
        found: String,
        /// The minor version that would do.
        expected: &'static str,
    },
    /// dora's metadata has another wire format than the one this crate was written for.
    #[error("dora's metadata has version {found}, this library writes version {expected}")]
    OtherMetadata {
        /// The version found.
        found: u16,
        /// The version that would do.
        expected: u16,
    },
    /// The output's first message was sent by dora's own call; later ones must not overtake it.
    #[error("the output's first message was not sent as a pinned one: send all of them so")]
    AlreadyInUse,
    /// dora keeps the output on the daemon: a consumer on another machine, or one with
    /// `queue_policy: backpressure`.
    #[error(
        "dora keeps this output on the daemon (a remote consumer, or `queue_policy: backpressure`)"
    )]
    DaemonOnly,
    /// The daemon said nothing about the output's routes.
    #[error("the daemon gave no route for this output")]
    NoRoute,
    /// The node has no zenoh listener of its own on this host (`DORA_ZENOH_LISTEN`), or one that
    /// `ZENOH_CONFIG` replaced.
    #[error(
        "the node has no zenoh listener on this host (DORA_ZENOH_LISTEN) to reach its consumers by"
    )]
    NoListener,
    /// The second zenoh session could not be opened.
    #[error("the zenoh session for pinned outputs could not be opened: {detail}")]
    Session {
        /// What zenoh said.
        detail: String,
    },
    /// The daemon did not take the second connection, which reports what was sent.
    #[error("the daemon did not take the connection that reports pinned messages: {detail}")]
    Daemon {
        /// What it said.
        detail: String,
    },
    /// zenoh cannot have shared memory in this process.
    #[error(transparent)]
    NoSharedMemory(FallbackReason),
    /// The pool could not be made.
    #[error("no pool: {detail}")]
    NoPool {
        /// Why, and what to do.
        detail: String,
    },
    /// Consumers did not answer over this library's session in time, for instance because they are on another
    /// machine.
    #[error("{} did not answer over zenoh", list(.consumers))]
    NoAnswer {
        /// The inputs that were waited for.
        consumers: Vec<RequiredAcker>,
    },
    /// Consumers did not attach the pool, so they would receive nothing: usually an unmodified one under a
    /// small RLIMIT_MEMLOCK, which has to lock every page of it.
    #[error(
        "{} did not attach the pool of {pool_bytes} bytes: raise its RLIMIT_MEMLOCK (ulimit -l), or call install_shm_clients() in it",
        list(.consumers)
    )]
    CannotAttach {
        /// The inputs that could not; empty where it is a consumer that dora does not name.
        consumers: Vec<RequiredAcker>,
        /// Bytes of the pool's segments.
        pool_bytes: u64,
    },
}

impl DoraPathReason {
    /// Whether a consumer may be unable to attach dora's own shared memory just as well.
    pub(crate) fn is_about_memory_of_consumers(&self) -> bool {
        matches!(self, Self::CannotAttach { .. })
    }
}

pub(crate) fn list(consumers: &[RequiredAcker]) -> String {
    if consumers.is_empty() {
        return String::from("a consumer that dora does not name");
    }
    let named = consumers
        .iter()
        .map(|consumer| format!("`{}/{}`", consumer.node_id, consumer.input_id));
    named.collect::<Vec<_>>().join(", ")
}
