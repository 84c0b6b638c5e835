//! Which nodes the processes that attached a pool are.

use std::{collections::BTreeSet, fs};

use dora_message::{DataflowId, id::NodeId};
use zenoh_pinned::PinnedPool;

use super::description::{self, NODE_CONFIG, NodeDescription};

/// The nodes whose processes hold a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holders {
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
                // One that has ended holds nothing.
                Err(error) => holders.unknown |= error.kind() != std::io::ErrorKind::NotFound,
            }
        }
        holders
    }

    /// Whether the process of `node` holds the pool, or may, for all that can be seen.
    pub(super) fn may_be(&self, node: &NodeId) -> bool {
        self.unknown || self.nodes.contains(node)
    }

    pub(super) fn of(pool: &PinnedPool, node: &NodeDescription) -> Self {
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

/// What a process's environment says about it.
enum Environment {
    Node(NodeId),
    OtherDataflow,
    /// Nothing: no node, a dynamic one, or one that wrote its title over its environment.
    Undescribed,
}

fn node_in(environment: &[u8], dataflow: DataflowId) -> Environment {
    let config = variable(environment, NODE_CONFIG).map(description::parse);
    match config {
        Some(Ok(config)) if config.dataflow_id == dataflow => Environment::Node(config.node_id),
        Some(Ok(_)) => Environment::OtherDataflow,
        Some(Err(_)) | None => Environment::Undescribed,
    }
}

/// The value of a variable in an environment as `/proc` shows it.
fn variable<'a>(environment: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut variables = environment.split(|byte| *byte == 0);
    variables.find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let environment = b"DORA_NODE_CONFIG_OLD=1\0A=\0DORA_NODE_CONFIG=a: b\nc: d=e\0Z=9\0";
        let config: Option<&[u8]> = Some(b"a: b\nc: d=e");
        assert_eq!(variable(environment, "DORA_NODE_CONFIG"), config);
        assert_eq!(variable(environment, "A"), Some(&b""[..]));
        assert_eq!(variable(environment, "DORA"), None);
    }
}
