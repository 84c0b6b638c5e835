//! Markers and the answers to them: the proof that consumers get what this session publishes.
//!
//! dora's consumers answer a marker on an output's topic with an acknowledgement on its `@ack` topic, for as
//! long as they live. Messages of one publisher arrive in order, so an answer also proves that everything
//! sent before the marker has arrived.
//!
//! Who may write what: zenoh's threads add answers; the thread that sends markers takes them away.
//!
//! Locks: one mutex around the answers, held for a few table operations.
//!
//! Knowingly weak:
//! - An acknowledgement does not say which marker it answers. So a round begins only after a time without answers
//!   (`QUIET`). An answer that comes later still counts for the next round; what must not depend on that has further
//!   proof (`route`).
//! - It does not prove who sent it. Whoever reaches the topic can answer in another's name, or with so many names
//!   that those that come last are not counted.
//!
//! Specified by dora-message 1.1 (`Metadata::startup_marker`, `startup_ack`) and dora-core's topics.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dora_message::{metadata::Metadata, uhlc::HLC};
use zenoh::{
    Session, Wait,
    bytes::ZBytes,
    pubsub::{Publisher, Subscriber},
    sample::Sample,
};

use super::acknowledgement::{self, Acknowledgement};
use crate::dora::RequiredAcker;

/// The end of `patience` from now on, of a day at most.
pub(crate) fn deadline(patience: Duration) -> Instant {
    let day = Duration::from_secs(24 * 60 * 60);
    Instant::now() + patience.min(day)
}

/// How often a marker is sent again while answers are missing.
const MARKER_EVERY: Duration = Duration::from_millis(10);

/// The most names that are kept in a round: far more than a dataflow has, so that made-up ones cannot fill the memory.
const MAX_NAMES: usize = 4096;

/// After so long without an answer, those to earlier markers have arrived.
const QUIET: Duration = Duration::from_millis(20);

/// What came of asking consumers for an answer.
pub(crate) struct Asked {
    pub(crate) missing: Vec<RequiredAcker>,
    /// How many markers were sent.
    pub(crate) markers: u64,
}

/// The answers of one output's consumers.
pub(crate) struct Answers {
    counter: Arc<AnswerCounter>,
    clock: HLC,
    _subscriber: Subscriber<()>,
}

#[derive(Debug, Default)]
struct AnswerCounter {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    last: Option<Instant>,
    /// A version of dora's metadata that is not ours, in an answer.
    other_version: Option<u16>,
    /// How many answers came, by consumer and input as they name themselves.
    from: BTreeMap<(String, String), u64>,
}

impl Answers {
    /// Listens for the answers on `topic`.
    pub(crate) fn listen(session: &Session, topic: String) -> zenoh::Result<Self> {
        let counter = Arc::new(AnswerCounter::default());
        let receiving = counter.clone();
        let subscriber = session
            .declare_subscriber(topic)
            .callback(move |sample| receiving.receive(&sample))
            .wait()?;
        Ok(Self {
            counter,
            clock: HLC::default(),
            _subscriber: subscriber,
        })
    }

    /// Sends empty markers until each of `consumers` has answered, or it is `until`; returns those that have not
    /// answered.
    pub(crate) fn ask(
        &self,
        publisher: &Publisher<'_>,
        consumers: &[RequiredAcker],
        until: Instant,
    ) -> Vec<RequiredAcker> {
        if consumers.is_empty() {
            return Vec::new();
        }
        self.forget(until);
        self.ask_on(publisher, consumers, until).missing
    }

    /// As [`Answers::ask`], but answers since the last [`Answers::forget`] count too.
    pub(crate) fn ask_on(
        &self,
        publisher: &Publisher<'_>,
        consumers: &[RequiredAcker],
        until: Instant,
    ) -> Asked {
        let mut markers = 0;
        loop {
            self.mark(publisher, ZBytes::new());
            markers += 1;
            let pause = MARKER_EVERY.min(until.saturating_duration_since(Instant::now()));
            let missing = self.missing_after(consumers, pause);
            if missing.is_empty() || Instant::now() >= until {
                return Asked { missing, markers };
            }
        }
    }

    /// Sends one marker with `payload`, once.
    pub(crate) fn mark(&self, publisher: &Publisher<'_>, payload: ZBytes) {
        let marker = Metadata::startup_marker(self.clock.new_timestamp());
        let attachment = match dora_message::encode(&marker) {
            Ok(attachment) => attachment,
            Err(error) => return tracing::error!(%error, "a marker could not be encoded"),
        };
        let sent = publisher.put(payload).attachment(attachment).wait();
        if let Err(error) = sent {
            tracing::debug!(%error, "a marker could not be sent");
        }
    }

    /// Forgets earlier answers: first waits for those that are on their way, until `until` at most.
    pub(crate) fn forget(&self, until: Instant) {
        self.wait_until_quiet(until);
        self.counter.lock().from.clear();
    }

    /// Those of `consumers` that have answered fewer than `markers` times.
    pub(crate) fn short_of(&self, consumers: &[RequiredAcker], markers: u64) -> Vec<RequiredAcker> {
        let counts = self.counter.lock();
        let answered = |consumer: &RequiredAcker| counts.from.get(&name_of(consumer)).copied();
        let is_short = |consumer: &&RequiredAcker| answered(consumer).unwrap_or(0) < markers;
        consumers.iter().filter(is_short).cloned().collect()
    }

    /// Those of `consumers` that have not answered, after waiting for them up to `pause`.
    fn missing_after(&self, consumers: &[RequiredAcker], pause: Duration) -> Vec<RequiredAcker> {
        let is_missing = |counts: &Counts, consumer: &RequiredAcker| {
            !counts.from.contains_key(&name_of(consumer))
        };
        let any_missing = |counts: &mut Counts| consumers.iter().any(|who| is_missing(counts, who));
        let waited =
            self.counter
                .changed
                .wait_timeout_while(self.counter.lock(), pause, any_missing);
        let (counts, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let missing = consumers.iter().filter(|who| is_missing(&counts, who));
        missing.cloned().collect()
    }

    /// The version of metadata in answers that this crate cannot read, where such answers came.
    pub(crate) fn other_version(&self) -> Option<u16> {
        self.counter.lock().other_version
    }

    fn wait_until_quiet(&self, until: Instant) {
        loop {
            let quiet_at = self.counter.lock().last.map(|last| last + QUIET);
            let now = Instant::now();
            match quiet_at {
                Some(at) if at > now && now < until => std::thread::sleep(at - now),
                _ => return,
            }
        }
    }
}

/// A consumer as it names itself in its answers.
fn name_of(consumer: &RequiredAcker) -> (String, String) {
    (consumer.node_id.to_string(), consumer.input_id.to_string())
}

impl AnswerCounter {
    fn receive(&self, sample: &Sample) {
        let Some(attachment) = sample.attachment() else {
            return;
        };
        match acknowledgement::read(&attachment.to_bytes()) {
            Some(Acknowledgement::From { consumer, input }) => self.count((consumer, input)),
            Some(Acknowledgement::OtherVersion(version)) => {
                self.lock().other_version = Some(version);
            }
            None => {}
        }
    }

    fn count(&self, name: (String, String)) {
        let mut counts = self.lock();
        counts.last = Some(Instant::now());
        if counts.from.len() < MAX_NAMES || counts.from.contains_key(&name) {
            let times = counts.from.entry(name).or_default();
            *times = times.saturating_add(1);
        }
        drop(counts);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // The table is whole between any two of its operations.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
