//! The route of one output to its consumers over the pinned session, and the proof that it arrives.
//!
//! Three things have to be so before a pool is used, because a consumer that cannot attach it loses every
//! message without a word:
//! 1. Each consumer that dora waits for has answered an empty marker: messages arrive.
//! 2. A marker whose payload lies in the pool has been sent, each consumer has answered it or a later one, so
//!    that all of them have been past it, and all references to it have come back. zenoh leaks those of a
//!    receiver that cannot attach the segment.
//! 3. Each consumer's process holds the lock of the segment. One without shared memory gives no reference
//!    back because it never had one, and receives copies. (The lock alone would prove nothing: a receiver
//!    that fails to attach leaks a mapping, which keeps it.)
//!
//! A trial that fails costs a slot here and that mapping there. The first of an output is therefore final;
//! one for a later pool, where no other path is left, is made a few times more, seconds apart.

mod trial;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use dora_core::topics::{zenoh_output_ack_topic, zenoh_output_publish_topic};
use dora_message::{id::DataId, metadata::Metadata};
use zenoh::{
    Session, Wait,
    bytes::ZBytes,
    pubsub::Publisher,
    qos::{CongestionControl, Priority},
};
use zenoh_pinned::{AllocError, PinnedPool, Slot};

use super::{
    DoraPathReason, RequiredAcker,
    answers::{Answers, deadline},
    consumers::Holders,
    description::NodeDescription,
    pools::PoolIndex,
    refusals::Refusals,
};
use trial::{Trial, eventually, has_come_back};

/// How long an output without consumers that dora names waits for others to be linked.
const UNNAMED_CONSUMERS_PATIENCE: Duration = Duration::from_millis(100);

/// A trial of a later pool is repeated so often.
const RETRIES: u32 = 3;

/// How long after a trial the next one is made; twice as long after each.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a pool cannot be used for an output.
pub(super) enum Unproven {
    /// Consumers cannot attach it; none are named where it is one that dora does not name.
    Refused {
        consumers: Vec<RequiredAcker>,
        pool_bytes: u64,
    },
    /// Markers that consumers could not attach hold every slot.
    UsedUp { slots: u32 },
    /// It had no slot free for the marker.
    Full(AllocError),
}

/// The last trial that failed.
struct Failed {
    consumers: Vec<RequiredAcker>,
    again_at: Instant,
    trials: u32,
}

pub(super) struct Route {
    publisher: Publisher<'static>,
    answers: Answers,
    consumers: Vec<RequiredAcker>,
    proven: BTreeSet<PoolIndex>,
    failed: BTreeMap<PoolIndex, Failed>,
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
        // As dora's own outputs, but for `Block`: zenoh keeps two batches for messages of this priority, and
        // with `Drop` loses a message whenever those are not written within a millisecond. How long this
        // can hold the node up is in the note of `dora`.
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
            proven: BTreeSet::new(),
            failed: BTreeMap::new(),
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
        refusals: &mut Refusals,
        (wait, patience): (Duration, Duration),
    ) -> Result<(), Unproven> {
        if self.proven.contains(&index) {
            return Ok(());
        }
        let refused = |consumers| Unproven::Refused {
            consumers,
            pool_bytes: pool.statistics().bytes,
        };
        if let Some(consumers) = self.known_refusal(index, refusals) {
            return Err(refused(consumers));
        }
        let slots = pool.statistics().slots;
        if refusals.lost_markers(index) >= slots {
            return Err(Unproven::UsedUp { slots });
        }
        match self.trial(node, pool, earlier, (wait, patience))? {
            Trial::AllAttached => {
                self.proven.insert(index);
                Ok(())
            }
            Trial::Refused {
                consumers,
                is_marker_lost,
            } => {
                refusals.note(&consumers, index, is_marker_lost);
                self.note_failure(index, consumers.clone());
                Err(refused(consumers))
            }
            Trial::Void => Err(refused(Vec::new())),
        }
    }

    /// Who is known not to attach a pool, where trying again is not due.
    fn known_refusal(&self, index: PoolIndex, refusals: &Refusals) -> Option<Vec<RequiredAcker>> {
        if !self.is_proven() {
            let consumers = refusals.among(&self.consumers, index);
            return (!consumers.is_empty()).then_some(consumers);
        }
        let failed = self.failed.get(&index)?;
        let is_due = failed.trials <= RETRIES && Instant::now() >= failed.again_at;
        (!is_due).then(|| failed.consumers.clone())
    }

    fn note_failure(&mut self, index: PoolIndex, consumers: Vec<RequiredAcker>) {
        let trials = self.failed.get(&index).map_or(0, |failed| failed.trials);
        let failed = Failed {
            consumers,
            again_at: Instant::now() + RETRY_AFTER * (1 << trials.min(RETRIES)),
            trials: trials + 1,
        };
        self.failed.insert(index, failed);
    }

    fn is_proven(&self) -> bool {
        !self.proven.is_empty()
    }

    /// Sends one message in a slot of a proven pool.
    pub(super) fn publish(&self, payload: ZBytes, metadata: &Metadata) -> Result<(), String> {
        let attachment = dora_message::encode(metadata).map_err(|error| error.to_string())?;
        let sent = self.publisher.put(payload).attachment(attachment).wait();
        sent.map_err(|error| error.to_string())
    }

    /// Waits until the consumers that are still there have everything that was sent.
    pub(super) fn flush(
        &self,
        node: &NodeDescription,
        pools: &[(PoolIndex, &PinnedPool)],
        until: Instant,
    ) {
        if !self.is_proven() {
            return;
        }
        if self.consumers.is_empty() {
            return self.flush_unnamed(pools, until);
        }
        let pools: Vec<_> = pools.iter().map(|(_, pool)| *pool).collect();
        let consumers = self.still_there(node, &pools);
        let missing = self.answers.ask(&self.publisher, &consumers, until);
        if !missing.is_empty() {
            tracing::warn!(?missing, "may not have received the last messages");
        }
    }

    /// Consumers without a name do not answer, but they give the reference to a marker back in its turn.
    fn flush_unnamed(&self, pools: &[(PoolIndex, &PinnedPool)], until: Instant) {
        let mut proven = pools
            .iter()
            .filter(|(index, _)| self.proven.contains(index));
        let slot = proven.find_map(|(_, pool)| {
            let wait = until.saturating_duration_since(Instant::now());
            pool.alloc_timeout(1, wait).ok()
        });
        let Some(marker) = slot.map(Slot::into_shm) else {
            return tracing::warn!("the last messages may not have been received");
        };
        self.answers.mark(&self.publisher, marker.clone());
        if !eventually(until, || has_come_back(&marker)) {
            tracing::warn!("the last messages may not have been received");
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
