//! The state of a node's outputs.

use std::collections::BTreeMap;

use dora_message::id::DataId;

use super::output::Output;
use crate::dora::{
    DoraPathReason, OutputPath, Report, SendError, Settings, link::Link, pools::Pools,
    route::refusals::Refusals,
};

/// A node's outputs, their pools, and the link to their consumers and the daemon.
pub(crate) struct Sending {
    pub(crate) settings: Settings,
    pub(crate) link: Result<Link, DoraPathReason>,
    pub(crate) pools: Pools,
    pub(crate) refusals: Refusals,
    pub(crate) outputs: BTreeMap<DataId, Output>,
}

impl Sending {
    pub(crate) fn new(
        name: String,
        link: Result<Link, DoraPathReason>,
        settings: Settings,
    ) -> Self {
        if let Err(reason) = &link {
            tracing::warn!(%reason, "outputs take dora's own path");
        }
        Self {
            pools: Pools::new(name, &settings),
            refusals: Refusals::default(),
            link,
            outputs: BTreeMap::new(),
            settings,
        }
    }

    pub(crate) fn entry(&mut self, output: &DataId) -> &mut Output {
        self.outputs.entry(output.clone()).or_default()
    }

    /// Settles an output on dora's own path, because the node itself sends its messages.
    ///
    /// # Errors
    /// [`SendError::Pinned`] where its path is settled otherwise.
    pub(crate) fn leave_to_dora(&mut self, output: &DataId) -> Result<(), SendError> {
        let entry = self.entry(output);
        match &entry.path {
            OutputPath::Pinned => Err(SendError::Pinned {
                output: output.clone(),
            }),
            OutputPath::Dora(_) => Ok(()),
            OutputPath::Unsettled => {
                entry.leave_to_dora(output, DoraPathReason::AlreadyInUse);
                Ok(())
            }
        }
    }

    pub(crate) fn report(&self) -> Report {
        let outputs = self.outputs.iter().map(|(id, output)| output.report(id));
        Report {
            outputs: outputs.collect(),
            pools: self.pools.statistics(),
        }
    }
}
