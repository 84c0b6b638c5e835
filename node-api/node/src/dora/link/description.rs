//! What the daemon told this node when it started it.

use std::{collections::BTreeMap, net::SocketAddr};

use dora_core::topics::{DORA_ZENOH_LISTEN_ENV, ZENOH_CONFIG_PATH_ENV};
use dora_message::{
    DataflowId,
    config::NodeRunConfig,
    daemon_to_node::{DaemonCommunication, NodeConfig, OutputRouting},
    id::{DataId, NodeId},
    metadata::Metadata,
};

use super::environment::{self, NODE_CONFIG};
use crate::dora::DoraPathReason;

/// The minor version of dora whose messages this crate writes.
const DORA_VERSION: &str = "1.1";

/// The version of dora's metadata that this crate was written for.
const METADATA_VERSION: u16 = 2;

/// The part of a node's configuration that pinned outputs need.
#[derive(Clone, Debug)]
pub(crate) struct NodeDescription {
    pub(crate) dataflow_id: DataflowId,
    pub(crate) node_id: NodeId,
    pub(crate) daemon: SocketAddr,
    /// The node's own zenoh endpoint on this host.
    pub(crate) listener: String,
    routing: BTreeMap<DataId, OutputRouting>,
    pub(crate) run_config: NodeRunConfig,
}

impl NodeDescription {
    /// What the environment says about the node of this process, which uses dora's API of version `dora`.
    pub(crate) fn from_environment(dora: &str) -> Result<Self, DoraPathReason> {
        check_versions(dora, Metadata::CURRENT_VERSION)?;
        let config = std::env::var(NODE_CONFIG).map_err(|_| DoraPathReason::NotStartedByDaemon)?;
        let config = parse(config.as_bytes())?;
        let Some(DaemonCommunication::Tcp { socket_addr }) = config.daemon_communication else {
            return Err(DoraPathReason::NotStartedByDaemon);
        };
        Ok(Self {
            dataflow_id: config.dataflow_id,
            node_id: config.node_id,
            daemon: socket_addr,
            listener: listener().ok_or(DoraPathReason::NoListener)?,
            routing: config.output_routing.unwrap_or_default(),
            run_config: config.run_config,
        })
    }

    /// This description, if it is that of `node_id` in `dataflow_id`.
    pub(crate) fn of(
        self,
        dataflow_id: DataflowId,
        node_id: &NodeId,
    ) -> Result<Self, DoraPathReason> {
        match (self.dataflow_id, &self.node_id) == (dataflow_id, node_id) {
            true => Ok(self),
            false => Err(DoraPathReason::OtherNode {
                described: self.node_id.to_string(),
            }),
        }
    }

    /// The route of an output, unless dora keeps that on the daemon.
    pub(crate) fn route(&self, output: &DataId) -> Result<&OutputRouting, DoraPathReason> {
        match self.routing.get(output) {
            None => Err(DoraPathReason::NoRoute),
            Some(route) if route.daemon_only => Err(DoraPathReason::DaemonOnly),
            Some(route) => Ok(route),
        }
    }
}

/// A node's configuration as a daemon writes it.
fn parse(config: &[u8]) -> Result<NodeConfig, DoraPathReason> {
    environment::parse(config).map_err(|error| DoraPathReason::UnreadableConfiguration {
        detail: error.to_string(),
    })
}

/// Checks that this crate writes the messages of dora's version `dora`, with metadata of version `metadata`.
pub(crate) fn check_versions(dora: &str, metadata: u16) -> Result<(), DoraPathReason> {
    let minor = dora.rsplit_once('.').map(|(minor, _)| minor);
    if minor != Some(DORA_VERSION) {
        return Err(DoraPathReason::OtherVersion {
            found: dora.to_owned(),
            expected: DORA_VERSION,
        });
    }
    if metadata != METADATA_VERSION {
        return Err(DoraPathReason::OtherMetadata {
            found: metadata,
            expected: METADATA_VERSION,
        });
    }
    Ok(())
}

/// The node's loopback endpoint, which the daemon chose. `None` where the user gave zenoh a whole configuration instead.
fn listener() -> Option<String> {
    if std::env::var_os(ZENOH_CONFIG_PATH_ENV).is_some() {
        return None;
    }
    let endpoints = std::env::var(DORA_ZENOH_LISTEN_ENV).ok()?;
    let mut endpoints = endpoints.split(',').map(str::trim);
    let first = endpoints.find(|endpoint| !endpoint.is_empty());
    first.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_minor_version_takes_doras_own_path() {
        assert_eq!(check_versions("1.1.0", METADATA_VERSION), Ok(()));
        assert_eq!(check_versions("1.1.7", METADATA_VERSION), Ok(()));
        for other in ["1.2.0", "1.0.1", "2.1.0", "1.10.0", "", "one"] {
            let reason = check_versions(other, METADATA_VERSION);
            assert!(
                matches!(&reason, Err(DoraPathReason::OtherVersion { found, .. }) if found == other),
                "{other}: {reason:?}"
            );
        }
    }

    #[test]
    fn another_metadata_format_takes_doras_own_path() {
        let reason = check_versions("1.1.0", METADATA_VERSION + 1);
        assert!(matches!(
            reason,
            Err(DoraPathReason::OtherMetadata { found: 3, .. })
        ));
    }

    #[test]
    fn the_linked_dora_is_the_one_this_crate_writes_for() {
        let linked = check_versions(dora_message::VERSION, Metadata::CURRENT_VERSION);
        assert_eq!(linked, Ok(()));
    }

    #[test]
    fn a_configuration_that_is_not_one_is_a_reason() {
        for text in ["", "node_id: 3", "{", "\u{0}", "- a\n- b"] {
            assert!(
                matches!(
                    parse(text.as_bytes()),
                    Err(DoraPathReason::UnreadableConfiguration { .. })
                ),
                "{text:?}"
            );
        }
    }
}
