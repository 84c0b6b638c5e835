//! The route of one output to its consumers over the pinned session, and the proof that it arrives.
//!
//! Three things have to be so before a pool is used, because a consumer that cannot attach it loses every
//! message without a word:
//! 1. Each consumer that dora waits for has answered an empty marker: messages arrive.
//! 2. A marker whose payload lies in the pool has been sent, and all references to it have come back. zenoh
//!    leaks those of a receiver that cannot attach the segment. It is sent once: an unmodified receiver that
//!    fails to attach leaks a mapping each time.
//! 3. Each consumer's process holds the lock of the segment. One without shared memory gives no reference
//!    back because it never had one, and receives copies. (The lock alone would prove nothing: that leaked
//!    mapping keeps it.)

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
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
    shm::zshmmut,
};
use zenoh_pinned::{AllocError, PinnedPool};

use super::{
    DoraPathReason, RequiredAcker,
    answers::{Answers, deadline},
    consumers::Holders,
    description::NodeDescription,
    pools::PoolIndex,
};

/// How long an output without consumers that dora names waits for others to be linked.
const UNNAMED_CONSUMERS_PATIENCE: Duration = Duration::from_millis(100);

/// How often what processes do is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Why a pool cannot be used for an output.
pub(super) enum Unproven {
    /// Consumers cannot attach it; none are named where it is one that dora does not name.
    Refused {
        consumers: Vec<RequiredAcker>,
        pool_bytes: u64,
    },
    /// It had no slot free for the marker.
    Full(AllocError),
}

pub(super) struct Route {
    publisher: Publisher<'static>,
    answers: Answers,
    consumers: Vec<RequiredAcker>,
    /// For each pool that was tried the consumers that cannot attach it, or `None`: all can.
    proofs: BTreeMap<PoolIndex, Option<Vec<RequiredAcker>>>,
}

impl Route {
    /// Declares the output on the pinned session.
    pub(super) fn declare(
        session: &Session,
        node: &NodeDescription,
        output: &DataId,
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
        // As dora's own outputs, but for `Block`: zenoh keeps one batch for messages of this priority, and
        // with `Drop` loses a message whenever that one is not written within a millisecond. A consumer
        // that does not read cannot hold the camera up by it: the pool runs out of slots long before the
        // link's buffers are full of descriptors.
        let publisher = session
            .declare_publisher(topic)
            .congestion_control(CongestionControl::Block)
            .express(true)
            .priority(Priority::RealTime)
            .wait()
            .map_err(failed)?;
        let topic = zenoh_output_ack_topic(node.dataflow_id, &node.node_id, output);
        let answers = Answers::listen(session, topic).map_err(failed)?;
        let route = Self {
            publisher,
            answers,
            consumers,
            proofs: BTreeMap::new(),
        };
        if route.consumers.is_empty() {
            route.wait_for_unnamed_consumers();
        }
        Ok(route)
    }

    /// Whether each consumer that dora waits for answers.
    pub(super) fn reach(&self, patience: Duration) -> Result<(), DoraPathReason> {
        let until = deadline(patience);
        let silent = self.answers.ask(&self.publisher, &self.consumers, until);
        match (silent.is_empty(), self.answers.other_version()) {
            (true, _) => Ok(()),
            (false, None) => Err(DoraPathReason::NoAnswer { consumers: silent }),
            (false, Some(found)) => Err(DoraPathReason::OtherMetadata {
                found,
                expected: Metadata::CURRENT_VERSION,
            }),
        }
    }

    /// Finds out, once for each pool, whether the consumers that are still there can attach it.
    pub(super) fn prove(
        &mut self,
        node: &NodeDescription,
        (index, pool): (PoolIndex, &PinnedPool),
        earlier: &[&PinnedPool],
        (wait, patience): (Duration, Duration),
    ) -> Result<(), Unproven> {
        let proof = match self.proofs.get(&index) {
            Some(proof) => proof,
            None => {
                let marker = pool.alloc_timeout(1, wait).map_err(Unproven::Full)?;
                let until = deadline(patience);
                let refused = self.refused(node, pool, earlier, &marker.into_shm(), until);
                self.proofs.entry(index).or_insert(refused)
            }
        };
        match proof {
            None => Ok(()),
            Some(consumers) => Err(Unproven::Refused {
                consumers: consumers.clone(),
                pool_bytes: pool.statistics().bytes,
            }),
        }
    }

    /// The consumers that cannot attach the pool that `marker` lies in; `None` where all can.
    fn refused(
        &self,
        node: &NodeDescription,
        pool: &PinnedPool,
        earlier: &[&PinnedPool],
        marker: &ZBytes,
        until: Instant,
    ) -> Option<Vec<RequiredAcker>> {
        let consumers = self.still_there(node, earlier);
        self.answers.forget(until);
        self.answers.mark(&self.publisher, marker.clone());
        if !eventually(until, || has_come_back(marker)) {
            return Some(self.answers.missing_after(&consumers, Duration::ZERO));
        }
        let mut lacking = Vec::new();
        let all_attached = eventually(until, || {
            let holders = Holders::of(pool, node);
            let has_not = |consumer: &&RequiredAcker| !holders.may_be(&consumer.node_id);
            lacking = consumers.iter().filter(has_not).cloned().collect();
            lacking.is_empty()
        });
        (!all_attached).then_some(lacking)
    }

    fn is_proven(&self) -> bool {
        self.proofs.values().any(Option::is_none)
    }

    /// Sends one message in a slot of a proven pool.
    pub(super) fn publish(&self, payload: ZBytes, metadata: &Metadata) -> Result<(), String> {
        let attachment = dora_message::encode(metadata).map_err(|error| error.to_string())?;
        let sent = self.publisher.put(payload).attachment(attachment).wait();
        sent.map_err(|error| error.to_string())
    }

    /// Waits until the consumers that are still there have everything that was sent.
    pub(super) fn flush(&self, node: &NodeDescription, pools: &[&PinnedPool], until: Instant) {
        if !self.is_proven() {
            return;
        }
        let consumers = self.still_there(node, pools);
        let missing = self.answers.ask(&self.publisher, &consumers, until);
        if !missing.is_empty() {
            tracing::warn!(?missing, "may not have received the last messages");
        }
    }

    /// The consumers whose process holds one of `pools`, all of them where there is none yet. Others have
    /// ended: nobody waits for their answers.
    fn still_there(&self, node: &NodeDescription, pools: &[&PinnedPool]) -> Vec<RequiredAcker> {
        if pools.is_empty() || !self.is_proven() {
            return self.consumers.clone();
        }
        let holders: Vec<_> = pools.iter().map(|pool| Holders::of(pool, node)).collect();
        let is_there = |consumer: &&RequiredAcker| {
            let mut holders = holders.iter();
            holders.any(|holders| holders.may_be(&consumer.node_id))
        };
        self.consumers.iter().filter(is_there).cloned().collect()
    }

    /// Dynamic nodes are not waited for by name; those that run already are linked within moments.
    fn wait_for_unnamed_consumers(&self) {
        eventually(deadline(UNNAMED_CONSUMERS_PATIENCE), || {
            let status = self.publisher.matching_status().wait();
            status.is_ok_and(|status| status.matching())
        });
    }
}

/// Whether `condition` came to hold in time.
fn eventually(until: Instant, mut condition: impl FnMut() -> bool) -> bool {
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Whether this is the only reference to the marker.
fn has_come_back(marker: &ZBytes) -> bool {
    marker
        .as_shm()
        .is_some_and(|shared| <&zshmmut>::try_from(shared).is_ok())
}

impl Holders {
    /// Whether the process of `node` holds the pool, or may, for all that can be seen.
    fn may_be(&self, node: &NodeId) -> bool {
        self.unknown || self.nodes.contains(node)
    }

    fn of(pool: &PinnedPool, node: &NodeDescription) -> Self {
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
