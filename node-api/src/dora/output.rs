//! One output on the pinned path: its publisher, and what is proven about its consumers.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use dora_core::topics::{zenoh_output_ack_topic, zenoh_output_publish_topic};
use dora_message::{
    id::{DataId, NodeId},
    metadata::Metadata,
};
use zenoh::{
    Session, Wait,
    bytes::ZBytes,
    pubsub::Publisher,
    qos::{CongestionControl, Priority},
};
use zenoh_pinned::PinnedPool;

use super::{
    DoraPathReason, RequiredAcker, SendError, answers::Answers, consumers,
    description::NodeDescription, error::Unsettled, pools::PoolIndex,
};

pub(super) struct PinnedOutput {
    publisher: Publisher<'static>,
    answers: Answers,
    consumers: Vec<RequiredAcker>,
    /// Pools that the consumers are known to have attached, with the nodes that have.
    attached: BTreeMap<PoolIndex, BTreeSet<NodeId>>,
}

impl PinnedOutput {
    /// Declares the output on the pinned session and finds out whether its consumers answer there.
    pub(super) fn declare(
        session: &Session,
        node: &NodeDescription,
        output: &DataId,
        patience: Duration,
    ) -> Result<Self, DoraPathReason> {
        let failed = |error: zenoh::Error| DoraPathReason::Session {
            detail: error.to_string(),
        };
        let consumers: Vec<_> = node
            .route(output)?
            .required_ackers
            .iter()
            .cloned()
            .collect();
        let topic = zenoh_output_publish_topic(node.dataflow_id, &node.node_id, output);
        // The quality of service of dora's own outputs. A message here is a descriptor of some bytes, so
        // `Drop` has nothing to drop: the pool is what holds a producer back.
        let publisher = session
            .declare_publisher(topic)
            .congestion_control(CongestionControl::Drop)
            .express(true)
            .priority(Priority::RealTime)
            .wait()
            .map_err(failed)?;
        let topic = zenoh_output_ack_topic(node.dataflow_id, &node.node_id, output);
        let answers = Answers::listen(session, topic).map_err(failed)?;
        let missing = match consumers.is_empty() {
            true => Vec::new(),
            false => answers.ask(&publisher, ZBytes::new, &consumers, patience),
        };
        match missing.is_empty() {
            true => Ok(Self {
                publisher,
                answers,
                consumers,
                attached: BTreeMap::new(),
            }),
            false => Err(DoraPathReason::NoAnswer { consumers: missing }),
        }
    }

    /// Finds out, once a pool, whether the consumers have attached it: a marker in shared memory is only
    /// answered by a process that could, and attaching leaves a lock that the kernel lists.
    pub(super) fn prove_attached(
        &mut self,
        node: &NodeDescription,
        output: &DataId,
        (index, pool): (PoolIndex, &PinnedPool),
        patience: Duration,
    ) -> Result<(), Unsettled> {
        if self.attached.contains_key(&index) {
            return Ok(());
        }
        if self.consumers.is_empty() {
            self.attached.insert(index, BTreeSet::new());
            return Ok(());
        }
        let slot = pool.alloc_timeout(1, patience).map_err(|source| {
            Unsettled::Now(SendError::Full {
                output: output.clone(),
                waited: patience,
                source,
            })
        })?;
        let marker = slot.into_shm();
        let missing = self.answers.ask(
            &self.publisher,
            || marker.clone(),
            &self.consumers,
            patience,
        );
        drop(marker);
        let attached = attached_nodes(node, pool);
        let has_not = |consumer: &&RequiredAcker| {
            missing.contains(consumer) || !attached.contains(&consumer.node_id)
        };
        let consumers: Vec<_> = self.consumers.iter().filter(has_not).cloned().collect();
        if !consumers.is_empty() {
            return Err(Unsettled::ForGood(DoraPathReason::CannotAttach {
                consumers,
                pool_bytes: pool.statistics().bytes,
            }));
        }
        self.attached.insert(index, attached);
        Ok(())
    }

    /// Sends one message in a slot of a proven pool.
    pub(super) fn publish(&self, payload: ZBytes, metadata: &Metadata) -> Result<(), String> {
        let attachment = dora_message::encode(metadata).map_err(|error| error.to_string())?;
        let sent = self.publisher.put(payload).attachment(attachment).wait();
        sent.map_err(|error| error.to_string())
    }

    /// Waits until the consumers that are still there have everything that was sent.
    pub(super) fn flush<'a>(
        &self,
        node: &NodeDescription,
        pools: impl Fn(PoolIndex) -> &'a PinnedPool,
        patience: Duration,
    ) {
        let pools = self.attached.keys().map(|index| pools(*index));
        let alive: BTreeSet<_> = pools.flat_map(|pool| attached_nodes(node, pool)).collect();
        let is_alive = |consumer: &&RequiredAcker| alive.contains(&consumer.node_id);
        let consumers: Vec<_> = self.consumers.iter().filter(is_alive).cloned().collect();
        if consumers.is_empty() {
            return;
        }
        let missing = self
            .answers
            .ask(&self.publisher, ZBytes::new, &consumers, patience);
        if !missing.is_empty() {
            tracing::warn!(?missing, "may not have received the last messages");
        }
    }
}

/// The nodes of the dataflow that have the pool attached, this one included.
fn attached_nodes(node: &NodeDescription, pool: &PinnedPool) -> BTreeSet<NodeId> {
    let processes = pool.attached_processes().unwrap_or_else(|error| {
        tracing::warn!(%error, "nobody knows who has attached the pool");
        BTreeSet::new()
    });
    let mut nodes = consumers::nodes_of(&processes, node.dataflow_id);
    nodes.insert(node.node_id.clone());
    nodes
}
