//! What a pool of workers is to be, before it begins.

use std::{collections::BTreeMap, ffi::OsString, ops::RangeInclusive, sync::Arc, time::Duration};

use zenoh::Session;

use super::{
    Workers,
    callbacks::{Callbacks, Completed, EvictReason, WorkerEvent},
};
use crate::{
    breaker::BreakerTerms, hub::HubError, protocol, request::Payload, scaling::ScalingTerms,
};

/// The most requests of a batch.
pub(crate) const MOST_BATCH: usize = 100;
/// The most workers of a pool.
pub(crate) const MOST_WORKERS: usize = 256;

/// Twelve days.
const LONGEST: Duration = Duration::from_secs(1 << 20);
/// A worker cannot be asked for a sign of life more often.
const SHORTEST_PING: Duration = Duration::from_millis(10);

/// Why there are no workers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The name cannot be part of a key.
    #[error("{name:?} cannot be a pool's name: use up to 64 letters, digits, '-', '_' and '.'")]
    Name {
        /// The name.
        name: String,
    },
    /// A number is out of its bounds.
    #[error("{what} cannot be {value}: it has to be {bounds}")]
    OutOfBounds {
        /// Of what.
        what: &'static str,
        /// What was said.
        value: String,
        /// What is possible.
        bounds: &'static str,
    },
    /// The session for the workers.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// zenoh refused a declaration.
    #[error("zenoh refused a declaration of the supervisor: {0}")]
    Zenoh(zenoh::Error),
    /// There is no shared memory for messages.
    #[error(transparent)]
    Pool(#[from] zenoh_pinned::PoolError),
    /// There is no slot for the deep check's payload.
    #[error("there is no slot for the payload of the deep check: {0}")]
    DeepCheck(#[source] crate::request::RequestError),
    /// No thread could be started.
    #[error("no thread can be started for the supervisor: {0}")]
    NoThread(#[source] std::io::Error),
    /// This process was forked from one that had used zenoh.
    #[error("this process was forked from one that had used zenoh: start it with exec")]
    Forked,
}

/// A real request that each worker has to answer now and then.
#[derive(Clone)]
pub(crate) struct DeepCheck {
    pub(super) payload: Payload,
    pub(super) every: Duration,
    pub(super) is_right: Arc<dyn Fn(&Payload) -> bool + Send + Sync>,
}

impl std::fmt::Debug for DeepCheck {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DeepCheck")
    }
}

/// How a pool behaves.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) name: Arc<str>,
    pub(crate) command: Vec<OsString>,
    pub(crate) environment: BTreeMap<OsString, OsString>,
    pub(crate) scaling: ScalingTerms,
    pub(crate) predictive: bool,
    pub(crate) breaker: BreakerTerms,
    pub(crate) batch: usize,
    pub(crate) delay: Duration,
    pub(crate) queue: usize,
    pub(crate) credits: usize,
    pub(crate) deadline: Duration,
    pub(crate) load_within: Duration,
    pub(crate) answer_within: Duration,
    pub(crate) grace: Duration,
    pub(crate) restarts: (Duration, Duration),
    pub(crate) ping_every: Duration,
    pub(crate) processors: Vec<usize>,
    pub(crate) numa: bool,
    pub(crate) huge_pages: bool,
    pub(crate) worker_bytes: Option<u64>,
    pub(crate) memory_limit: Option<f64>,
    pub(crate) p99_within: Option<Duration>,
    pub(crate) deep_check: Option<DeepCheck>,
    pub(crate) chaos: crate::chaos::Chaos,
    pub(crate) callbacks: Callbacks,
}

/// What a pool of workers is to be; made by [`Workers::builder`].
///
/// ```no_run
/// use std::time::Duration;
/// use zenoh_pinned_workers::Workers;
///
/// # let session = zenoh_pinned_node::pubsub::open(zenoh::Config::default(), &zenoh_pinned::Pinner::host_only())?;
/// let workers = Workers::builder("ocr")
///     .command(["python3", "ocr.py"])
///     .range(0..=8)
///     .batch(8, Duration::from_millis(5))
///     .deadline(Duration::from_millis(500))
///     .on_ready(|worker| println!("worker {} is ready", worker.seat))
///     .build(&session)?;
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a pool begins when it is built"]
pub struct WorkersBuilder {
    pub(crate) terms: Terms,
}

impl Terms {
    /// Nothing is waited for longer than [`LONGEST`], which is as good as for ever: sums of times cannot overflow.
    fn bound(&mut self) {
        let (first, longest) = &mut self.restarts;
        let breaker = &mut self.breaker;
        let scaling = &mut self.scaling;
        let times = [
            &mut self.delay,
            &mut self.deadline,
            &mut self.load_within,
            &mut self.answer_within,
            &mut self.grace,
            &mut self.ping_every,
            first,
            longest,
            &mut breaker.open_for,
            &mut breaker.longest,
            &mut scaling.aim_wait,
            &mut scaling.idle_after,
            &mut scaling.shrink_after,
        ];
        for time in times {
            *time = (*time).min(LONGEST);
        }
        if let Some(check) = &mut self.deep_check {
            check.every = check.every.min(LONGEST);
        }
    }
}

impl WorkersBuilder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            terms: Terms {
                name: name.into(),
                command: Vec::new(),
                environment: BTreeMap::new(),
                scaling: ScalingTerms::default(),
                predictive: true,
                breaker: BreakerTerms::default(),
                batch: 1,
                delay: Duration::ZERO,
                queue: 1024,
                credits: 1,
                deadline: Duration::from_secs(30),
                load_within: Duration::from_secs(300),
                answer_within: Duration::from_secs(30),
                grace: Duration::from_secs(5),
                restarts: (Duration::from_millis(100), Duration::from_secs(10)),
                ping_every: Duration::from_secs(1),
                processors: Vec::new(),
                numa: false,
                huge_pages: false,
                worker_bytes: None,
                memory_limit: None,
                p99_within: None,
                deep_check: None,
                chaos: crate::chaos::Chaos::default(),
                callbacks: Callbacks::default(),
            },
        }
    }

    /// The program of a worker and its arguments. Without one the pool has only workers that join it.
    pub fn command<T: Into<OsString>>(mut self, command: impl IntoIterator<Item = T>) -> Self {
        self.terms.command = command.into_iter().map(Into::into).collect();
        self
    }

    /// A variable of the workers' environment, beside those of this process.
    pub fn environment(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.terms.environment.insert(name.into(), value.into());
        self
    }

    /// How many workers there may be: from the first, always, to the last, when requests wait. One to four unless told
    /// otherwise; from 0 on, the first request starts the first worker.
    pub fn range(mut self, workers: RangeInclusive<usize>) -> Self {
        self.terms.scaling.least = *workers.start();
        self.terms.scaling.most = *workers.end();
        self
    }

    /// How soon the number of workers follows the load.
    pub fn scaling(mut self, terms: ScalingTerms) -> Self {
        self.terms.scaling = terms;
        self
    }

    /// Whether workers are started for the requests that are expected, and not only for those that wait; true unless told
    /// otherwise.
    pub fn predictive(mut self, predictive: bool) -> Self {
        self.terms.predictive = predictive;
        self
    }

    /// How many requests a worker has at once, at most 100, and how long the first of them waits for others. One, and not at
    /// all, unless told otherwise.
    pub fn batch(mut self, size: usize, delay: Duration) -> Self {
        self.terms.batch = size;
        self.terms.delay = delay;
        self
    }

    /// How many requests may be accepted and not answered; 1024 unless told otherwise. More are refused.
    pub fn queue(mut self, requests: usize) -> Self {
        self.terms.queue = requests;
        self
    }

    /// How many batches a worker has at once: two let it begin the next one at once, where batches are short. One unless
    /// told otherwise.
    pub fn credits(mut self, batches: usize) -> Self {
        self.terms.credits = batches;
        self
    }

    /// How long an answer is wanted for where a request does not say; 30 seconds unless told otherwise.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.terms.deadline = deadline;
        self
    }

    /// How long a worker may take from its start to being ready; five minutes unless told otherwise. Then it is killed.
    pub fn load_within(mut self, limit: Duration) -> Self {
        self.terms.load_within = limit;
        self
    }

    /// How long a worker may take for a batch; 30 seconds unless told otherwise. Then it is killed.
    pub fn answer_within(mut self, limit: Duration) -> Self {
        self.terms.answer_within = limit;
        self
    }

    /// How long a worker that was asked to end (SIGTERM) may take before it is killed; five seconds unless told otherwise.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.terms.grace = grace;
        self
    }

    /// How long a worker that has ended soon after its start is waited for with: the first time, and at the most, as it is
    /// twice as long each time. A tenth of a second and ten seconds unless told otherwise. One that has lived long is started
    /// anew at once.
    pub fn restart_after(mut self, first: Duration, longest: Duration) -> Self {
        self.terms.restarts = (first, longest);
        self
    }

    /// How often workers are asked for a sign of life; each second unless told otherwise. One that has given none three
    /// times, because it is stopped, is killed.
    pub fn ping_every(mut self, period: Duration) -> Self {
        self.terms.ping_every = period;
        self
    }

    /// The processors that workers are to run on, one after the other.
    pub fn processors(mut self, processors: impl IntoIterator<Item = usize>) -> Self {
        self.terms.processors = processors.into_iter().collect();
        self
    }

    /// Whether each worker is to be kept on one NUMA node, with its memory; what became of it is in
    /// [`WorkerStatistics::placement`](super::WorkerStatistics).
    pub fn numa(mut self, numa: bool) -> Self {
        self.terms.numa = numa;
        self
    }

    /// Whether the memory that workers allocate is to be in huge pages (glibc's `hugetlb` tunable).
    pub fn huge_pages(mut self, huge_pages: bool) -> Self {
        self.terms.huge_pages = huge_pages;
        self
    }

    /// How much memory of its own (resident, without shared memory) a worker may have; it is replaced when it has more.
    pub fn worker_bytes(mut self, bytes: u64) -> Self {
        self.terms.worker_bytes = Some(bytes);
        self
    }

    /// Which share of the machine's memory the shared memory of this library may have before no workers are started any
    /// more, from 0 to 1; what the budget says unless told otherwise.
    pub fn memory_limit(mut self, share: f64) -> Self {
        self.terms.memory_limit = Some(share);
        self
    }

    /// How long 99 of 100 requests may take for the pool to be called healthy.
    pub fn p99_within(mut self, limit: Duration) -> Self {
        self.terms.p99_within = Some(limit);
        self
    }

    /// A real request that each worker has to answer when it is ready, and from time to time while it has nothing else to
    /// do. A worker whose answer is wrong is replaced.
    pub fn deep_check(
        mut self,
        payload: impl Into<Payload>,
        every: Duration,
        is_right: impl Fn(&Payload) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.terms.deep_check = Some(DeepCheck {
            payload: payload.into(),
            every,
            is_right: Arc::new(is_right),
        });
        self
    }

    /// When requests are refused because others have failed.
    pub fn breaker(mut self, terms: BreakerTerms) -> Self {
        self.terms.breaker = terms;
        self
    }

    /// Faults on purpose.
    #[cfg(feature = "chaos")]
    pub fn chaos(mut self, chaos: crate::chaos::Chaos) -> Self {
        self.terms.chaos = chaos;
        self
    }

    /// Called when a process was started. As all callbacks on a thread of the supervisor: be short.
    pub fn on_spawn(mut self, call: impl Fn(&WorkerEvent) + Send + Sync + 'static) -> Self {
        self.terms.callbacks.spawned = Some(Arc::new(call));
        self
    }

    /// Called when a worker is ready.
    pub fn on_ready(mut self, call: impl Fn(&WorkerEvent) + Send + Sync + 'static) -> Self {
        self.terms.callbacks.ready = Some(Arc::new(call));
        self
    }

    /// Called when a worker is asked to end, and why.
    pub fn on_evict(
        mut self,
        call: impl Fn(&WorkerEvent, EvictReason) + Send + Sync + 'static,
    ) -> Self {
        self.terms.callbacks.evicted = Some(Arc::new(call));
        self
    }

    /// Called when a request has its answer, or was refused.
    pub fn on_complete(mut self, call: impl Fn(&Completed) + Send + Sync + 'static) -> Self {
        self.terms.callbacks.completed = Some(Arc::new(call));
        self
    }

    /// Begins: clients can find the pool by `session` from now on, and the first workers are started.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(mut self, session: &Session) -> Result<Workers, BuildError> {
        self.check()?;
        self.terms.bound();
        Workers::begin(self.terms, session)
    }

    fn check(&self) -> Result<(), BuildError> {
        let terms = &self.terms;
        if !protocol::may_be_a_name(&terms.name) {
            return Err(BuildError::Name {
                name: terms.name.to_string(),
            });
        }
        let check = |what, value: usize, is_fine: bool, bounds| match is_fine {
            true => Ok(()),
            false => Err(BuildError::OutOfBounds {
                what,
                value: value.to_string(),
                bounds,
            }),
        };
        let (least, most) = (terms.scaling.least, terms.scaling.most);
        check(
            "the most workers",
            most,
            (1..=MOST_WORKERS).contains(&most),
            "from 1 to 256",
        )?;
        check(
            "the fewest workers",
            least,
            least <= most,
            "at most the most workers",
        )?;
        check(
            "a batch",
            terms.batch,
            (1..=MOST_BATCH).contains(&terms.batch),
            "from 1 to 100",
        )?;
        check("the queue", terms.queue, terms.queue > 0, "at least 1")?;
        check(
            "credits",
            terms.credits,
            (1..=8).contains(&terms.credits),
            "from 1 to 8",
        )?;
        if terms.ping_every < SHORTEST_PING {
            return Err(BuildError::OutOfBounds {
                what: "the time between signs of life",
                value: format!("{:?}", terms.ping_every),
                bounds: "at least 10 ms",
            });
        }
        let limit = terms.memory_limit.unwrap_or(0.5);
        match limit > 0.0 && limit <= 1.0 {
            true => Ok(()),
            false => Err(BuildError::OutOfBounds {
                what: "the memory limit",
                value: limit.to_string(),
                bounds: "above 0 and at most 1: a share, not per cent",
            }),
        }
    }
}
