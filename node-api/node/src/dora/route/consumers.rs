//! Which nodes the processes that attached a pool are.

use std::{collections::BTreeSet, fs, io::ErrorKind};

use dora_message::{DataflowId, id::NodeId};
use zenoh_pinned::PinnedPool;

use crate::dora::link::{
    description::NodeDescription,
    environment::{Environment, node_in},
};

/// Whether there is no such process, before the file is opened (ENOENT) or after it (ESRCH): it holds nothing.
fn says_ended(error: &std::io::Error) -> bool {
    const ESRCH: i32 = 3;
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH)
}

/// Whether a process of this host shows that it is `node` of `dataflow`, or may be it because it could not be looked at.
/// One that hides its environment, as another user's does, is not found.
pub(crate) fn is_running(node: &NodeId, dataflow: DataflowId) -> bool {
    let Ok(entries) = fs::read_dir("/proc") else {
        return true;
    };
    let is_it = |pid: u32| match fs::read(format!("/proc/{pid}/environ")) {
        Ok(environment) => node_in(&environment, dataflow) == Environment::Node(node.clone()),
        Err(error) => !says_ended(&error) && error.kind() != ErrorKind::PermissionDenied,
    };
    // What is not named by a number is no process.
    let mut processes = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.any(is_it)
}

/// The nodes whose processes hold a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holders {
    nodes: BTreeSet<NodeId>,
    /// Some process does not show which node it is: another user's, one with capabilities of its file, or one
    /// without a node's environment.
    unknown: bool,
}

impl Holders {
    /// The nodes of `dataflow` among `processes`, by the configuration that the daemon started them with.
    fn among(processes: &BTreeSet<u32>, dataflow: DataflowId) -> Self {
        let mut holders = Self {
            nodes: BTreeSet::new(),
            unknown: false,
        };
        for pid in processes {
            match fs::read(format!("/proc/{pid}/environ")) {
                Ok(environment) => match node_in(&environment, dataflow) {
                    Environment::Node(node) => drop(holders.nodes.insert(node)),
                    Environment::OtherDataflow => {}
                    Environment::Undescribed => holders.unknown = true,
                },
                Err(error) => holders.unknown |= !says_ended(&error),
            }
        }
        holders
    }

    /// Whether the process of `node` holds the pool, or may, for all that can be seen.
    pub(crate) fn may_be(&self, node: &NodeId) -> bool {
        self.unknown || self.nodes.contains(node)
    }

    pub(crate) fn of(pool: &PinnedPool, node: &NodeDescription) -> Self {
        let mut holders = match pool.attached_processes() {
            Ok(processes) => Self::among(&processes, node.dataflow_id),
            Err(error) => {
                tracing::warn!(%error, "nobody can see who has attached the pool");
                Self {
                    nodes: BTreeSet::new(),
                    unknown: true,
                }
            }
        };
        holders.nodes.insert(node.node_id.clone());
        holders
    }
}
