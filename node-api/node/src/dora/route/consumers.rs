//! Which nodes have a process that holds a pool, or that runs at all, as `/proc` shows it.

use std::{collections::BTreeSet, io::ErrorKind};

use dora_message::{DataflowId, id::NodeId};
use zenoh_pinned::{
    PinnedPool,
    bindings::{Unseen, environment_of, processes},
};

use crate::dora::link::{
    description::NodeDescription,
    environment::{Environment, node_in},
};

/// Whether some process of this host shows that it is `node` of `dataflow`, or cannot be looked at for another reason
/// than that it hides its environment, as another user's does.
pub(crate) fn is_running(node: &NodeId, dataflow: DataflowId) -> bool {
    let is_it = |pid| match environment_of(pid) {
        Ok(environment) => node_in(&environment, dataflow) == Environment::Node(node.clone()),
        Err(Unseen::Ended) => false,
        Err(Unseen::Failed(error)) => error.kind() != ErrorKind::PermissionDenied,
    };
    processes().map_or(true, |processes| processes.into_iter().any(is_it))
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
            match environment_of(*pid) {
                Ok(environment) => match node_in(&environment, dataflow) {
                    Environment::Node(node) => drop(holders.nodes.insert(node)),
                    Environment::OtherDataflow => {}
                    Environment::Undescribed => holders.unknown = true,
                },
                // It holds nothing.
                Err(Unseen::Ended) => {}
                Err(Unseen::Failed(_)) => holders.unknown = true,
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
