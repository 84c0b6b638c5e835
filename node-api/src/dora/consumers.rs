//! Which nodes the processes that attached a pool are.

use std::{collections::BTreeSet, fs};

use dora_message::{DataflowId, id::NodeId};

use super::description::{self, NODE_CONFIG};

/// The nodes of `dataflow` among `processes`, by the configuration that the daemon started them with.
///
/// A process whose environment cannot be read (another user's, or one that has ended) is none of them.
pub(super) fn nodes_of(processes: &BTreeSet<u32>, dataflow: DataflowId) -> BTreeSet<NodeId> {
    let node_of = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let config = variable(&environment, NODE_CONFIG)?;
        let config = description::parse(config).ok()?;
        (config.dataflow_id == dataflow).then_some(config.node_id)
    };
    processes.iter().filter_map(node_of).collect()
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
