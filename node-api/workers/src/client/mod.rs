//! Workers of another process, as somebody uses them who only knows their name.
//!
//! Holds: the link to the supervisor, and the requests that are under way by it. A thread, the link's, tells answers;
//! requests leave on the threads of those who ask, several in one message where they come at once.
//!
//! Locks: one mutex around the requests under way, one around those that are to leave; neither is held while something is
//! sent or told. A third says who sends, and is held meanwhile.
//!
//! Invariants:
//! - Each request is told once: answered, failed, expired here if nobody has answered, or [`RequestError::SupervisorGone`]
//!   within a second after the supervisor's end.
//! - What a request carries in shared memory is kept until it is told.

mod error;
mod expiring;
mod leaving;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    time::{Duration, Instant},
};

use zenoh::{Session, Wait, liveliness::LivelinessToken, pubsub::Subscriber, sample::SampleKind};
use zenoh_pinned::{
    Pinner, Slot,
    bindings::{MadeHere, descriptor::DescriptorReader},
};
use zenoh_pinned_node::pubsub::{FrameListener, PutError};

use crate::{
    link::{self, Envelopes, Link, Received, SendError},
    os::random_number,
    protocol::{Answered, Keys, Message, Role, may_be_a_name},
    request::{
        AnswerIn, Outcome, Payload, PendingAnswer, Promise, Request, RequestError, Requests,
        Submission, promise,
    },
    serving::{WorkerError, find_supervisor},
    traces,
};

pub use error::ConnectError;
use leaving::Leaving;

/// How often a greeting is repeated.
const GREET_EVERY: Duration = Duration::from_millis(20);
/// How long an answer is wanted for where a request does not say.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long after its deadline a request is given up here: the supervisor tells it first.
const LATE: Duration = Duration::from_millis(200);

/// The way to a pool of workers of another process, on this or another host. Usable from any thread.
///
/// ```no_run
/// use std::time::Duration;
/// use zenoh_pinned_workers::WorkersClient;
///
/// # let session = zenoh_pinned_node::pubsub::open(zenoh::Config::default(), &zenoh_pinned::Pinner::host_only())?;
/// let ocr = WorkersClient::connect(&session, "ocr", Duration::from_secs(5))?;
/// let answer = ocr.request("a line of text").send().wait()?;
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
pub struct WorkersClient {
    shared: Arc<Shared>,
    declared: Option<(FrameListener, Subscriber<()>, LivelinessToken)>,
    made_here: MadeHere,
}

impl std::fmt::Debug for WorkersClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WorkersClient")
            .field("pool", &self.shared.pool)
            .finish_non_exhaustive()
    }
}

struct Waiting {
    promise: Promise,
    asked: Instant,
    deadline: Instant,
    trace: traces::Ids,
    _kept: (Payload, Option<AnswerIn>),
}

#[derive(Default)]
struct UnderWay {
    requests: HashMap<u64, Waiting>,
    deadlines: BTreeSet<(Instant, u64)>,
    is_ended: bool,
}

struct Shared {
    pool: String,
    link: Link,
    envelopes: Envelopes,
    reader: DescriptorReader,
    shares_memory: AtomicBool,
    is_gone: AtomicBool,
    /// Names its requests in traces.
    number: u64,
    next: AtomicU64,
    under_way: Mutex<UnderWay>,
    changed: Condvar,
    leaving: Mutex<Vec<Leaving>>,
    sending: Mutex<()>,
    /// Up to which number answers have been taken, and up to which the supervisor was told so. Told by the thread for
    /// deadlines: whoever listens must not wait for whom it listens to.
    taken: AtomicU64,
    taken_told: AtomicU64,
}

impl WorkersClient {
    /// Finds the supervisor of this pool, waiting up to `timeout` for it.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(session: &Session, pool: &str, timeout: Duration) -> Result<Self, ConnectError> {
        if !may_be_a_name(pool) {
            return Err(ConnectError::Name {
                name: pool.to_owned(),
            });
        }
        let begun = Instant::now();
        let nobody = || ConnectError::NoSupervisor {
            pool: pool.to_owned(),
            waited: timeout,
        };
        let keys = Keys::of_pool(pool);
        let instance = find_supervisor(session, &keys, timeout);
        let instance = instance.map_err(|error| match error {
            WorkerError::Zenoh(error) => ConnectError::Zenoh(error),
            error => ConnectError::Send {
                why: error.to_string(),
            },
        })?;
        let instance = instance.ok_or_else(nobody)?;
        static CLIENTS: AtomicU64 = AtomicU64::new(1);
        // Relaxed: a number that no other client of this session has.
        let called = format!(
            "{}-{}",
            session.zid(),
            CLIENTS.fetch_add(1, Ordering::Relaxed)
        );
        let link_keys = keys.link(&instance, &called);
        let pinner = Pinner::host_only();
        let envelopes = Envelopes::new(&format!("{pool} client"))?;
        let shared = Arc::new(Shared {
            pool: pool.to_owned(),
            link: Link::declare(session, &envelopes, &link_keys.up)?,
            envelopes,
            reader: DescriptorReader::new(&pinner),
            shares_memory: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            number: random_number(),
            next: AtomicU64::new(1),
            under_way: Mutex::default(),
            changed: Condvar::new(),
            leaving: Mutex::default(),
            sending: Mutex::default(),
            taken: AtomicU64::new(0),
            taken_told: AtomicU64::new(0),
        });
        let (welcome, welcomed) = sync_channel(1);
        let listening: Weak<Shared> = Arc::downgrade(&shared);
        let listener = link::listen(session, &pinner, &link_keys.down, move |received| {
            if let Some(shared) = listening.upgrade() {
                // A second welcome finds nobody who waits.
                shared.heard(&received, || _ = welcome.try_send(()));
            }
        })?;
        let watched = Arc::downgrade(&shared);
        let watching = session
            .liveliness()
            .declare_subscriber(keys.supervisor(&instance));
        let watching = watching.callback(move |sample| {
            if sample.kind() == SampleKind::Delete
                && let Some(shared) = watched.upgrade()
            {
                shared.supervisor_is_gone();
            }
        });
        let watching = watching.wait().map_err(ConnectError::Zenoh)?;
        let token = session
            .liveliness()
            .declare_token(keys.peer(Role::Client, &instance, &called));
        let token = token.wait().map_err(ConnectError::Zenoh)?;
        if !shared.greet(&welcomed, timeout.saturating_sub(begun.elapsed()))? {
            return Err(nobody());
        }
        expiring::start(&shared).map_err(ConnectError::NoThread)?;
        Ok(Self {
            shared,
            declared: Some((listener, watching, token)),
            made_here: MadeHere::now(),
        })
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.shared.pool
    }

    /// Puts together a request with this payload; see [`Workers::request`](crate::Workers::request).
    pub fn request(&self, payload: impl Into<Payload>) -> Request<'_> {
        Request::new(self, payload.into())
    }

    /// A slot that a request can be written into, so that it goes to the worker without a copy. Waits up to a second while
    /// all slots of this size are in use.
    ///
    /// # Errors
    /// [`RequestError::NoMemory`], [`RequestError::Forked`].
    pub fn alloc(&self, bytes: usize) -> Result<Slot, RequestError> {
        if !self.made_here.holds() {
            return Err(RequestError::Forked);
        }
        self.shared.envelopes.alloc(bytes)
    }

    /// Whether the supervisor has gone: then nothing is answered any more, and a client has to be connected anew.
    pub fn is_gone(&self) -> bool {
        self.shared.is_gone.load(Ordering::Relaxed)
    }

    /// Whether frames reach the supervisor without a copy.
    pub fn shares_memory(&self) -> bool {
        self.shared.shares_memory.load(Ordering::Relaxed)
    }
}

impl Requests for WorkersClient {
    fn submit(&self, mut submission: Submission) -> PendingAnswer {
        let refused = |error| PendingAnswer::told(Err(error));
        if !self.made_here.holds() {
            return refused(RequestError::Forked);
        }
        let shared = &self.shared;
        if shared.shares_memory.load(Ordering::Relaxed) {
            match shared.envelopes.laid(submission.payload) {
                Ok(laid) => submission.payload = laid,
                Err(error) => return refused(error),
            }
        }
        let (promise, pending) = promise();
        // Relaxed: a number that no other request has.
        let id = shared.next.fetch_add(1, Ordering::Relaxed);
        let deadline = Instant::now()
            + submission
                .deadline
                .unwrap_or(DEADLINE)
                .min(Duration::from_secs(1 << 20));
        let trace = traces::begin(shared.number, id);
        if let Err(promise) = shared.begin(id, promise, &submission, trace, deadline) {
            promise.tell(Err(RequestError::SupervisorGone));
            return pending;
        }
        shared.leave(Leaving {
            id,
            trace,
            submission,
            deadline,
        });
        pending
    }
}

impl Drop for WorkersClient {
    fn drop(&mut self) {
        match self.made_here.holds() {
            true => self.shared.end(&RequestError::Closing),
            // A forked child: they are the parent's, and zenoh's threads are not here.
            false => std::mem::forget((self.declared.take(), self.shared.clone())),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn greet(&self, welcomed: &Receiver<()>, patience: Duration) -> Result<bool, ConnectError> {
        let begun = Instant::now();
        loop {
            match self.link.send_shared(&Message::Hello {
                pid: std::process::id(),
            }) {
                // A supervisor that stands still has not read the earlier ones.
                Ok(()) | Err(SendError::Put(PutError::Full { .. })) => {}
                Err(error) => return Err(error.into()),
            }
            if welcomed.recv_timeout(GREET_EVERY).is_ok() {
                return Ok(true);
            }
            if begun.elapsed() > patience || zenoh_pinned::bindings::is_interrupted() {
                return Ok(false);
            }
        }
    }

    fn begin(
        &self,
        id: u64,
        promise: Promise,
        submission: &Submission,
        trace: traces::Ids,
        deadline: Instant,
    ) -> Result<(), Promise> {
        let mut under_way = lock(&self.under_way);
        if under_way.is_ended {
            return Err(promise);
        }
        let is_sooner = under_way
            .deadlines
            .first()
            .is_none_or(|(first, _)| deadline < *first);
        under_way.deadlines.insert((deadline, id));
        under_way.requests.insert(
            id,
            Waiting {
                promise,
                asked: Instant::now(),
                deadline,
                trace,
                _kept: (submission.payload.clone(), submission.answer_in.clone()),
            },
        );
        drop(under_way);
        if is_sooner {
            self.changed.notify_one();
        }
        Ok(())
    }

    fn heard(&self, received: &Received, welcome: impl Fn()) {
        match Message::read(&received.message) {
            Ok(Message::Welcome { shares_memory, .. }) => {
                self.shares_memory
                    .fetch_or(shares_memory && received.is_shared, Ordering::Relaxed);
                welcome();
            }
            Ok(Message::Answers {
                number,
                answers,
                must_be_taken,
            }) => {
                let outcomes = answers
                    .iter()
                    .map(|answer| (answer.id, self.outcome(answer, received)));
                let outcomes: Vec<_> = outcomes.collect();
                if must_be_taken {
                    // Relaxed: a number; the condition variable's mutex orders.
                    self.taken.fetch_max(number, Ordering::Relaxed);
                    drop(lock(&self.under_way));
                    self.changed.notify_one();
                }
                outcomes
                    .into_iter()
                    .for_each(|(id, outcome)| self.tell(id, outcome));
            }
            Ok(_) => tracing::debug!("a supervisor says what only others may say"),
            Err(error) => tracing::warn!(%error, "a supervisor's message is not read"),
        }
    }

    fn outcome(&self, answer: &Answered<'_>, received: &Received) -> Outcome {
        let payload = link::payload(answer.outcome.clone()?, &received.message, &self.reader);
        let payload = payload.map_err(|error| RequestError::Unreadable {
            why: error.to_string(),
        })?;
        Ok(payload.attach(answer.attachment))
    }

    fn tell(&self, id: u64, outcome: Outcome) {
        let waiting = {
            let mut under_way = lock(&self.under_way);
            let waiting = under_way.requests.remove(&id);
            if let Some(waiting) = &waiting {
                let deadline = waiting.deadline;
                under_way.deadlines.remove(&(deadline, id));
            }
            waiting
        };
        if let Some(waiting) = waiting {
            traces::tell_request(waiting.trace, waiting.asked.elapsed(), &self.pool, &outcome);
            waiting.promise.tell(outcome);
        }
    }

    fn supervisor_is_gone(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
        self.end(&RequestError::SupervisorGone);
    }

    /// Tells everybody who waits, and takes nothing more.
    fn end(&self, error: &RequestError) {
        let waiting = {
            let mut under_way = lock(&self.under_way);
            under_way.is_ended = true;
            under_way.deadlines.clear();
            std::mem::take(&mut under_way.requests)
        };
        self.changed.notify_one();
        waiting
            .into_values()
            .for_each(|waiting| waiting.promise.tell(Err(error.clone())));
    }
}
