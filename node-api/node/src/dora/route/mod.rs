//! The route of one output to its consumers over the second session, and the proof that messages arrive.
//!
//! Holds: the route (here); markers and the answers to them (`answers`, `acknowledgement`); whether consumers attach a
//! new pool (`trial`), which are known not to (`refusals`), and which are still there (`consumers`); the end (`flush`).
//!
//! A consumer that cannot attach a pool loses every message without a word. So three things are proven before a pool
//! is used:
//! 1. Each consumer that dora waits for has answered an empty marker: messages arrive.
//! 2. A marker whose payload lies in the pool has been sent, each consumer has answered it or a later one, so
//!    that all of them have been past it, and all references to it have come back. zenoh leaks those of a
//!    receiver that cannot attach the segment.
//! 3. Each consumer's process holds the lock of the segment. One without shared memory gives no reference
//!    back because it never had one, and receives copies. (The lock alone would prove nothing: a receiver
//!    that fails to attach leaks a mapping, which keeps it.)
//!
//! A trial that fails costs a slot here and that mapping there. So the first trial of an output is final. One for a
//! later pool is repeated a few times, seconds apart, and messages go as bytes meanwhile.
//!
//! Who may write what: whoever holds the mutex around the state of the outputs; zenoh's threads only count answers.
//!
//! Locks: one around the counts of answers.
//!
//! Invariants: every wait is bounded by the patience of the settings; consumers that have ended are not waited for.
//!
//! Knowingly weak: see `answers` and `flush`.

pub(crate) mod acknowledgement;
mod answers;
mod consumers;
mod flush;
pub(crate) mod refusals;
mod trial;

use std::time::{Duration, Instant};

use dora_core::topics::{zenoh_output_ack_topic, zenoh_output_publish_topic};
use dora_message::{id::DataId, metadata::Metadata};
use zenoh::{
    Session, Wait,
    bytes::ZBytes,
    pubsub::Publisher,
    qos::{CongestionControl, Priority},
};
use zenoh_pinned::PinnedPool;

use super::{DoraPathReason, RequiredAcker, link::description::NodeDescription};
use answers::{Answers, deadline};
use consumers::Holders;
pub(crate) use flush::Ending;
use refusals::Refusals;
use trial::{Trial, eventually};

/// How long an output without consumers that dora names waits for others to be linked.
const UNNAMED_CONSUMERS_PATIENCE: Duration = Duration::from_millis(100);

/// How often the trial of a later pool is repeated.
const RETRIES: u32 = 3;

/// How long after a trial the next one is made; twice as long after each.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A consumer cannot attach a pool.
pub(crate) struct Refused {
    /// Empty where it is one that dora does not name.
    pub(crate) consumers: Vec<RequiredAcker>,
    pub(crate) pool_bytes: u64,
}

/// The last trial that failed.
struct Failed {
    consumers: Vec<RequiredAcker>,
    pool_bytes: u64,
    again_at: Instant,
    trials: u32,
}

pub(crate) struct Route {
    publisher: Publisher<'static>,
    answers: Answers,
    consumers: Vec<RequiredAcker>,
    /// Whether some pool was proven.
    is_proven: bool,
    failed: Option<Failed>,
}

impl Route {
    /// Declares the output on the pinned session.
    pub(crate) fn declare(
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
            is_proven: false,
            failed: None,
        };
        if route.consumers.is_empty() {
            route.wait_for_unnamed_consumers();
        }
        Ok(route)
    }

    /// Checks that each consumer that dora waits for answers.
    pub(crate) fn reach(&self, patience: Duration) -> Result<(), DoraPathReason> {
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

    /// Proves that the consumers that are still there attach a new pool; `earlier` are those that the output writes.
    pub(crate) fn prove(
        &mut self,
        node: &NodeDescription,
        pool: &PinnedPool,
        earlier: &[PinnedPool],
        refusals: &mut Refusals,
        patience: Duration,
    ) -> Result<(), Refused> {
        let pool_bytes = pool.statistics().bytes;
        let consumers = match self.trial(node, pool, earlier, patience) {
            Trial::AllAttached => {
                self.is_proven = true;
                self.failed = None;
                return Ok(());
            }
            Trial::Refused(consumers) => consumers,
            Trial::Void => Vec::new(),
        };
        refusals.note(&consumers, pool_bytes);
        self.note_failure(pool_bytes, consumers.clone());
        Err(Refused {
            consumers,
            pool_bytes,
        })
    }

    /// The consumers that are known not to attach a pool of so many bytes; `None` where a trial is due.
    pub(crate) fn known_refusal(&self, pool_bytes: u64, refusals: &Refusals) -> Option<Refused> {
        let refused = |consumers| Refused {
            consumers,
            pool_bytes,
        };
        if !self.is_proven {
            let consumers = refusals.among(&self.consumers, pool_bytes);
            return (!consumers.is_empty()).then(|| refused(consumers));
        }
        let failed = self.failed.as_ref()?;
        let is_due = failed.trials <= RETRIES && Instant::now() >= failed.again_at;
        (!is_due && failed.pool_bytes <= pool_bytes).then(|| refused(failed.consumers.clone()))
    }

    fn note_failure(&mut self, pool_bytes: u64, consumers: Vec<RequiredAcker>) {
        let trials = self.failed.as_ref().map_or(0, |failed| failed.trials);
        self.failed = Some(Failed {
            consumers,
            pool_bytes,
            again_at: Instant::now() + RETRY_AFTER * (1 << trials.min(RETRIES)),
            trials: trials + 1,
        });
    }

    /// Sends one message: in a slot of a proven pool, or as bytes.
    pub(crate) fn publish(&self, payload: ZBytes, metadata: &Metadata) -> Result<(), String> {
        let attachment = dora_message::encode(metadata).map_err(|error| error.to_string())?;
        let sent = self.publisher.put(payload).attachment(attachment).wait();
        sent.map_err(|error| error.to_string())
    }

    /// The consumers whose processes hold one of `pools`; all consumers where there is no pool yet. The others have
    /// ended.
    fn still_there(&self, node: &NodeDescription, pools: &[PinnedPool]) -> Vec<RequiredAcker> {
        if pools.is_empty() || !self.is_proven {
            return self.consumers.clone();
        }
        let holders: Vec<_> = pools.iter().map(|pool| Holders::of(pool, node)).collect();
        let is_there = |consumer: &&RequiredAcker| {
            let mut holders = holders.iter();
            holders.any(|holders| holders.may_be(&consumer.node_id))
        };
        self.consumers.iter().filter(is_there).cloned().collect()
    }

    /// dora does not name dynamic nodes. Those that run already are linked within moments.
    fn wait_for_unnamed_consumers(&self) {
        eventually(deadline(UNNAMED_CONSUMERS_PATIENCE), || {
            let status = self.publisher.matching_status().wait();
            status.is_ok_and(|status| status.matching())
        });
    }
}
