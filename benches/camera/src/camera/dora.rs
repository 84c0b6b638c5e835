//! The camera as a node of a dora dataflow.

use std::time::Duration;

use dora_node_api::{
    DoraNode, EventStream, IntoArrow, MetadataParameters, dora_core::config::DataId,
};
use zenoh_pinned_node::dora::{ElementType, PinnedOutputs};

use super::Outlet;
use crate::{Outcome, frame::FRAME_BYTES};

/// How long a frame may wait for a slot.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Stock {
    node: DoraNode,
    output: DataId,
    /// dora ends a node whose events are dropped.
    _events: EventStream,
}

impl Stock {
    pub(super) fn open() -> Outcome<Self> {
        let (node, events) = DoraNode::init_from_env()?;
        Ok(Self {
            node,
            output: DataId::from(String::from("image")),
            _events: events,
        })
    }
}

impl Outlet for Stock {
    fn send(&mut self, write: &mut dyn FnMut(&mut [u8])) -> Outcome {
        let mut image = vec![0; FRAME_BYTES];
        write(&mut image);
        let parameters = MetadataParameters::new();
        self.node
            .send_output(self.output.clone(), parameters, image.into_arrow())?;
        Ok(())
    }

    /// `send_output` copies the array into its message.
    fn copies(&self) -> u64 {
        FRAME_BYTES as u64
    }
}

pub(super) struct Pinned {
    // Before the node, whose connection it uses.
    outputs: PinnedOutputs,
    stock: Stock,
}

impl Pinned {
    pub(super) fn open() -> Outcome<Self> {
        let stock = Stock::open()?;
        Ok(Self {
            outputs: PinnedOutputs::attach(&stock.node),
            stock,
        })
    }
}

impl Outlet for Pinned {
    fn send(&mut self, write: &mut dyn FnMut(&mut [u8])) -> Outcome {
        let Stock { node, output, .. } = &mut self.stock;
        let mut slot =
            self.outputs
                .alloc_timeout(output, &[FRAME_BYTES], ElementType::Uint8, PATIENCE)?;
        write(&mut slot);
        self.outputs.send(node, MetadataParameters::new(), slot)?;
        Ok(())
    }
}
