//! Which nodes have a process that holds a pool, or that runs at all, as `/proc` shows it.

use std::{collections::BTreeSet, fs, io::ErrorKind};

use dora_message::{DataflowId, id::NodeId};
use zenoh_pinned::PinnedPool;

use crate::dora::link::{
    description::NodeDescription,
    environment::{Environment, node_in},
};

/// Whether the process has ended: before its file was opened (ENOENT), or after that (ESRCH).
fn says_ended(error: &std::io::Error) -> bool {
    const ESRCH: i32 = 3;
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH)
}

/// Whether some process of this host shows that it is `node` of `dataflow`, or cannot be looked at for another reason
/// than that it hides its environment, as another user's does.
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
    /// Whether some holder does not show which node it is: another user's process, one whose file has capabilities, or
    /// one without a node's environment.
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

    /// Whether the process of `node` may hold the pool.
    pub(crate) fn may_be(&self, node: &NodeId) -> bool {
        self.unknown || self.nodes.contains(node)
    }

    /// The nodes that hold `pool`, this one included.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_proc_is_taken_for_a_node_that_does_not_run() {
        let nobody = NodeId::from(String::from("nobody"));
        assert!(!is_running(&nobody, DataflowId::new_v4()));
    }
}
