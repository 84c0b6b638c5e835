//! Which nodes the processes that attached a pool are.

use std::{collections::BTreeSet, fs};

use dora_message::{DataflowId, id::NodeId};

use super::description::{self, NODE_CONFIG};

/// The nodes whose processes hold a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holders {
    pub(super) nodes: BTreeSet<NodeId>,
    /// Some process does not show which node it is: another user's, or one with capabilities of its file.
    pub(super) unknown: bool,
}

impl Holders {
    /// The nodes of `dataflow` among `processes`, by the configuration that the daemon started them with.
    pub(super) fn among(processes: &BTreeSet<u32>, dataflow: DataflowId) -> Self {
        let mut holders = Self {
            nodes: BTreeSet::new(),
            unknown: false,
        };
        for pid in processes {
            match fs::read(format!("/proc/{pid}/environ")) {
                Ok(environment) => holders.nodes.extend(node_in(&environment, dataflow)),
                // One that has ended holds nothing.
                Err(error) => holders.unknown |= error.kind() != std::io::ErrorKind::NotFound,
            }
        }
        holders
    }
}

fn node_in(environment: &[u8], dataflow: DataflowId) -> Option<NodeId> {
    let config = description::parse(variable(environment, NODE_CONFIG)?).ok()?;
    (config.dataflow_id == dataflow).then_some(config.node_id)
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
