//! A pool of workers: the supervisor.
//!
//! Holds: one state under one mutex (`state`), with the queue, the seats of the workers, breaker, scaler and counters; the
//! keeper's thread, which does what time asks for (`keeping`) and starts processes (`starting`); a thread for each worker's
//! and each client's messages (`messages`), which sleeps on the bell of its line.
//!
//! # A request's way
//! 1. Whoever asks queues it, and where a worker has room draws the batch and sends it, on the same thread: one wake-up, the
//!    worker's.
//! 2. The worker's answers come to the thread of its link, which tells them, draws the next batch, and sends it.
//! 3. A worker that ends gives what it had back to the queue: the kernel tells (`pidfd`). A batch that has killed a worker is
//!    divided: each of its requests is tried alone, and after a second death fails as poisoned.
//!
//! # Locks
//! One mutex a pool, and one that says who tells answers whose order matters. Under the first: tables, and signals to
//! children, so that none goes to a process that has been waited for. Outside of it: every message, every callback, every
//! start (`Effects`).
//!
//! # Invariants
//! - Each request that was accepted is told once (`queue`).
//! - A worker has no more batches than its credits, each of which keeps its frames until the answers are there.
//! - Each change of a worker's state is one of the table's (`WorkerState`).
//! - When the pool is dropped everybody who waits is told, and no process of it is left.
//!
//! Knowingly weak:
//! - A worker's process may start processes of its own, which are not looked after.
//! - What a joined worker's network loses is found by the deadline of the batch (`answer_within`), not earlier.

mod builder;
mod callbacks;
mod client;
mod counts;
mod keeping;
mod lives;
mod messages;
mod peers;
mod performing;
mod seat;
mod shown;
mod starting;
mod state;
mod statistics;

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use zenoh::{Session, liveliness::LivelinessToken, pubsub::Subscriber};
use zenoh_pinned::{
    Pinner, Slot,
    bindings::{MadeHere, descriptor::DescriptorReader},
};

pub use builder::{BuildError, WorkersBuilder};
pub use callbacks::{Completed, EvictReason, WorkerEvent};
pub use statistics::{Histogram, WorkerStatistics, WorkersStatistics};

use crate::{
    hub::Hub,
    link::Envelopes,
    os::random_number,
    protocol::Keys,
    request::{Payload, PendingAnswer, Request, RequestError, Requests, Submission, promise},
    state::WorkerState,
    traces,
};
use builder::Terms;
use shown::Shown;
use state::{ReplyTo, State};

/// A pool of workers, and the one who looks after them. Usable from any thread; dropping it ends the workers.
///
/// ```no_run
/// use std::time::Duration;
/// use zenoh_pinned_workers::{Priority, Workers};
///
/// # let session = zenoh_pinned_node::pubsub::open(zenoh::Config::default(), &zenoh_pinned::Pinner::host_only())?;
/// let workers = Workers::builder("ocr").command(["./ocr-worker"]).range(0..=8).build(&session)?;
/// let mut slot = workers.alloc(1920 * 1080 * 4)?;
/// slot.fill(0); // or let the camera write here
/// let answer = workers.request(slot).priority(Priority::High).send().wait()?;
/// println!("{} bytes", answer.len());
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Debug)]
pub struct Workers {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
    made_here: MadeHere,
    number: AtomicU64,
    // Go before the links they make.
    declared: Option<Declared>,
}

/// What other processes find the pool by.
#[derive(Debug)]
struct Declared {
    _clients: Subscriber<()>,
    _joining: Subscriber<()>,
    _token: LivelinessToken,
}

struct Shared {
    terms: Terms,
    keys: Keys,
    instance: String,
    instance_number: u64,
    hub: Arc<Hub>,
    session: Session,
    pinner: Pinner,
    envelopes: Envelopes,
    reader: DescriptorReader,
    shown: Shown,
    state: Mutex<State>,
    /// Held by whoever tells answers whose order matters.
    telling: Mutex<()>,
    changed: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("name", &self.terms.name)
            .finish_non_exhaustive()
    }
}

impl Workers {
    /// A pool of this name, with one to four workers.
    pub fn builder(name: &str) -> WorkersBuilder {
        WorkersBuilder::new(name)
    }

    fn begin(mut terms: Terms, session: &Session) -> Result<Self, BuildError> {
        if zenoh_pinned::bindings::zenoh_is_inherited() {
            return Err(BuildError::Forked);
        }
        let hub = Hub::get()?;
        let pinner = Pinner::host_only();
        let envelopes = Envelopes::new(&terms.name)?;
        if let Some(check) = &mut terms.deep_check {
            let laid = envelopes.laid(check.payload.clone());
            check.payload = laid.map_err(BuildError::DeepCheck)?;
        }
        let number = random_number();
        let instance = format!("{number:016x}");
        let shared = Arc::new(Shared {
            keys: Keys::of_pool(&terms.name),
            instance_number: number,
            hub,
            session: session.clone(),
            reader: DescriptorReader::new(&pinner),
            pinner,
            envelopes,
            shown: Shown::new(&terms.name, &instance),
            instance,
            state: Mutex::new(State::new(&terms, Instant::now())),
            telling: Mutex::default(),
            changed: Condvar::new(),
            terms,
        });
        let declared = shared.declare().map_err(BuildError::Zenoh)?;
        let thread = std::thread::Builder::new().name(String::from("zpin-workers"));
        let kept = shared.clone();
        let keeper = thread.spawn(move || keeping::run(&kept));
        Ok(Self {
            shared,
            keeper: Some(keeper.map_err(BuildError::NoThread)?),
            made_here: MadeHere::now(),
            number: AtomicU64::new(0),
            declared: Some(declared),
        })
    }

    /// The pool's name.
    pub fn name(&self) -> &str {
        &self.shared.terms.name
    }

    /// Puts together a request with this payload.
    ///
    /// ```no_run
    /// # fn ask(workers: &zenoh_pinned_workers::Workers) -> Result<(), zenoh_pinned_workers::RequestError> {
    /// use std::time::Duration;
    ///
    /// let request = workers.request("text").deadline(Duration::from_millis(100)).in_order_of("camera/left");
    /// let answer = request.send().wait()?;
    /// # Ok(())
    /// # }
    /// ```
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

    /// What there is and what has happened until now; nothing in a forked child, which has no workers.
    pub fn statistics(&self) -> WorkersStatistics {
        if !self.made_here.holds() {
            return WorkersStatistics::default();
        }
        self.shared.statistics()
    }

    /// Waits until at least this many workers are ready; whether they are.
    pub fn wait_until_ready(&self, workers: usize, timeout: Duration) -> bool {
        let begun = Instant::now();
        while self.made_here.holds() {
            {
                let state = self.shared.lock();
                let ready = state.seats.iter().filter(|seat| seat.state.takes_batches());
                if ready.count() >= workers {
                    return true;
                }
            }
            if begun.elapsed() >= timeout || zenoh_pinned::bindings::is_interrupted() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// Asks workers that have nothing to do at this moment to end, for instance because memory is short; how many.
    pub fn evict_idle(&self) -> usize {
        if !self.made_here.holds() {
            return 0;
        }
        self.shared.change(|state, effects, now| {
            let mut evicted = 0;
            for seat in &mut state.seats {
                if matches!(seat.state, WorkerState::Ready | WorkerState::Idle) {
                    self.shared.evict(seat, EvictReason::Pressure, now, effects);
                    evicted += 1;
                }
            }
            evicted
        })
    }

    fn end(&mut self) {
        drop(self.declared.take());
        self.shared.change(|state, effects, now| {
            state.is_closing = true;
            let told = state.queue.fail_all(&RequestError::Closing);
            state.count(&told, now);
            effects.told.extend(told);
            for seat in &mut state.seats {
                seat.restart_at = None;
                self.shared.evict(seat, EvictReason::Closing, now, effects);
                if seat.state == WorkerState::Failed {
                    seat.kill_at = Some(now);
                }
            }
            effects.wake = true;
        });
        // In a callback of its own, the keeper ends by itself.
        let is_other =
            |keeper: &JoinHandle<()>| keeper.thread().id() != std::thread::current().id();
        if let Some(keeper) = self.keeper.take().filter(is_other)
            && keeper.join().is_err()
        {
            tracing::error!("the keeper of a pool of workers has panicked");
        }
        let (links, clients): (Vec<_>, Vec<_>) = {
            let mut state = self.shared.lock();
            let mut links = std::mem::take(&mut state.links_ended);
            links.extend(state.seats.iter_mut().filter_map(|seat| seat.link.take()));
            (
                links,
                state.clients.drain().map(|(_, client)| client).collect(),
            )
        };
        drop(links);
        clients.iter().for_each(|client| client.end());
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if !self.made_here.holds() {
            // A forked child: the threads and the workers are its parent's.
            std::mem::forget((
                self.keeper.take(),
                self.declared.take(),
                self.shared.clone(),
            ));
            return;
        }
        self.end();
    }
}

impl Requests for Workers {
    fn submit(&self, mut submission: Submission) -> PendingAnswer {
        if !self.made_here.holds() {
            return PendingAnswer::told(Err(RequestError::Forked));
        }
        match self.shared.envelopes.laid(submission.payload) {
            Ok(laid) => submission.payload = laid,
            Err(error) => return PendingAnswer::told(Err(error)),
        }
        let (promise, pending) = promise();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let trace = traces::begin(self.shared.instance_number, number);
        self.shared
            .accept(submission, trace, ReplyTo::Here(promise));
        pending
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Tables that are whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the keeper look at what is new.
    fn wake(&self) {
        self.lock().keeper_is_woken = true;
        self.changed.notify_one();
    }

    /// The keeper sleeps until this moment, or until it is woken.
    fn sleep_until(&self, next: impl Fn(&State) -> Instant) {
        let mut state = self.lock();
        let next = next(&state);
        if state.keeper_is_woken {
            state.keeper_is_woken = false;
            return;
        }
        state.keeper_wakes_at = Some(next);
        let left = next.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout(state, left);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.keeper_wakes_at = None;
        state.keeper_is_woken = false;
    }

    fn drops_a_message(&self) -> bool {
        self.terms.chaos.network_partition && self.lock().chaos.drops_a_message()
    }
}
