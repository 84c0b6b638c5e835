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
//! Knowingly weak: an acknowledgement does not say which marker it answers. Rounds are therefore kept apart
//! by a time without answers (`QUIET`); an answer that is later still counts for the next round. What must
//! not depend on that has further proof (`route`). Nor does it prove who sent it: whoever reaches the topic can
//! answer in another's name, or with so many names that those that come last are not counted.
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

/// When `patience` from now is over; a very long one is as good as a day.
pub(crate) fn deadline(patience: Duration) -> Instant {
    let day = Duration::from_secs(24 * 60 * 60);
    Instant::now() + patience.min(day)
}

/// How often a marker is sent again while answers are missing.
const MARKER_EVERY: Duration = Duration::from_millis(10);

/// Names that are kept between two rounds; a dataflow has far fewer, a flood of made-up ones has more.
const MAX_NAMES: usize = 4096;

/// So long without an answer, and those to earlier markers have come in.
const QUIET: Duration = Duration::from_millis(20);

/// What became of asking.
pub(crate) struct Asked {
    pub(crate) missing: Vec<RequiredAcker>,
    /// How many markers were sent.
    pub(crate) markers: u64,
}

/// The answers of one output's consumers.
pub(crate) struct Answers {
    shared: Arc<Shared>,
    clock: HLC,
    _subscriber: Subscriber<()>,
}

#[derive(Debug, Default)]
struct Shared {
    received: Mutex<Received>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Received {
    last: Option<Instant>,
    /// A version of dora's metadata that is not ours, in an answer.
    other_version: Option<u16>,
    /// By consumer and input, as they name themselves.
    from: BTreeMap<(String, String), u64>,
}

impl Answers {
    /// Listens for the answers on `topic`.
    pub(crate) fn listen(session: &Session, topic: String) -> zenoh::Result<Self> {
        let shared = Arc::new(Shared::default());
        let receiving = shared.clone();
        let subscriber = session
            .declare_subscriber(topic)
            .callback(move |sample| receiving.receive(&sample))
            .wait()?;
        Ok(Self {
            shared,
            clock: HLC::default(),
            _subscriber: subscriber,
        })
    }

    /// Sends empty markers until each of `consumers` has answered; gives those that have not when it is
    /// `until`.
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

    /// As [`Answers::ask`], counting what was answered since [`Answers::forget`].
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

    /// Sends one marker with `payload`, for which nobody is asked again.
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

    /// Forgets earlier answers, after those that are on their way have come, or when it is `until`.
    pub(crate) fn forget(&self, until: Instant) {
        self.wait_until_quiet(until);
        self.shared.lock().from.clear();
    }

    /// Those of `consumers` that have answered fewer than `markers` times.
    pub(crate) fn short_of(&self, consumers: &[RequiredAcker], markers: u64) -> Vec<RequiredAcker> {
        let received = self.shared.lock();
        let answered = |consumer: &RequiredAcker| received.from.get(&name_of(consumer)).copied();
        let is_short = |consumer: &&RequiredAcker| answered(consumer).unwrap_or(0) < markers;
        consumers.iter().filter(is_short).cloned().collect()
    }

    /// Those of `consumers` that have not answered, after waiting for them up to `pause`.
    fn missing_after(&self, consumers: &[RequiredAcker], pause: Duration) -> Vec<RequiredAcker> {
        let is_missing = |received: &Received, consumer: &RequiredAcker| {
            !received.from.contains_key(&name_of(consumer))
        };
        let any_missing =
            |received: &mut Received| consumers.iter().any(|who| is_missing(received, who));
        let waited = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), pause, any_missing);
        let (received, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let missing = consumers.iter().filter(|who| is_missing(&received, who));
        missing.cloned().collect()
    }

    /// The version of the metadata of somebody whose answers cannot be read.
    pub(crate) fn other_version(&self) -> Option<u16> {
        self.shared.lock().other_version
    }

    fn wait_until_quiet(&self, until: Instant) {
        loop {
            let quiet_at = self.shared.lock().last.map(|last| last + QUIET);
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

impl Shared {
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
        let mut received = self.lock();
        received.last = Some(Instant::now());
        if received.from.len() < MAX_NAMES || received.from.contains_key(&name) {
            let times = received.from.entry(name).or_default();
            *times = times.saturating_add(1);
        }
        drop(received);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        // The table is whole between any two of its operations.
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
