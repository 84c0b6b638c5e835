//! What the environment of a process says about the node that it is. That of another process is only its claim.

use dora_message::{DataflowId, daemon_to_node::NodeConfig, id::NodeId};

/// The environment variable in which a daemon describes a node.
pub const NODE_CONFIG: &str = "DORA_NODE_CONFIG";

/// What a process's environment says about it.
#[derive(Debug, PartialEq, Eq)]
pub enum Environment {
    /// It is this node of the dataflow.
    Node(NodeId),
    /// It is a node of another one.
    OtherDataflow,
    /// Nothing: no node, a dynamic one, or one that wrote its title over its environment.
    Undescribed,
}

/// Which node of `dataflow` a process is, by its environment as `/proc` shows it.
pub fn node_in(environment: &[u8], dataflow: DataflowId) -> Environment {
    match variable(environment, NODE_CONFIG).map(parse) {
        Some(Ok(config)) if config.dataflow_id == dataflow => Environment::Node(config.node_id),
        Some(Ok(_)) => Environment::OtherDataflow,
        Some(Err(_)) | None => Environment::Undescribed,
    }
}

/// A node's configuration as a daemon writes it.
pub fn parse(config: &[u8]) -> Result<NodeConfig, serde_yaml::Error> {
    serde_yaml::from_slice(config)
}

/// The value of a variable in an environment as `/proc` shows it.
pub fn variable<'a>(environment: &'a [u8], name: &str) -> Option<&'a [u8]> {
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
