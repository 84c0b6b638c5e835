//! The one queue of a pool: what was accepted and is not answered yet.
//!
//! Holds: each job with its payload, until its answer; who waits for it (more than one where requests of the same content
//! share it); what waits to be drawn (`lanes`), what is with a worker, and answers that wait for earlier ones of their
//! source (`order`). Generic over how an answer is told, and free of effects: every call gives the answers that are to be
//! told now, and the time is an argument.
//!
//! Invariants:
//! - Each request that was accepted is told exactly once: answered, expired, poisoned, failed.
//! - A job is with one worker at most. What comes from a worker that had been taken for dead is as good as any, the first
//!   answer counts.
//! - Never more than `most` requests are accepted and not told.
//!
//! Knowingly weak: an answer that waits for an earlier one of its source counts as not told, and keeps its payload.

mod lanes;
mod order;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) use lanes::Batching;
use lanes::{JobId, Lanes};
use order::Order;

use crate::request::{AnswerIn, Outcome, Payload, Priority, RequestError};

/// After how many workers have died with it a job is given to no other.
const DEATHS: u32 = 2;

/// A request as it comes to the queue.
#[derive(Debug)]
pub(crate) struct New<R> {
    pub(crate) payload: Payload,
    pub(crate) answer_in: Option<AnswerIn>,
    pub(crate) attachment: Arc<[u8]>,
    pub(crate) priority: Priority,
    pub(crate) deadline: Instant,
    pub(crate) key: Box<str>,
    pub(crate) source: Box<str>,
    /// Of its content, where one answer may do for several.
    pub(crate) digest: Option<[u8; 32]>,
    pub(crate) trace: (u128, u64),
    pub(crate) reply: R,
}

/// What a worker is to do.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub(crate) job: JobId,
    pub(crate) payload: Payload,
    pub(crate) answer_in: Option<AnswerIn>,
    pub(crate) attachment: Arc<[u8]>,
    pub(crate) deadline: Instant,
    pub(crate) trace: (u128, u64),
    /// How long it has waited.
    pub(crate) waited: Duration,
}

/// An answer that is to be told.
#[derive(Debug)]
pub(crate) struct Telling<R> {
    pub(crate) reply: R,
    pub(crate) outcome: Outcome,
    pub(crate) accepted: Instant,
    pub(crate) priority: Priority,
    pub(crate) trace: (u128, u64),
    /// Whether its place among the others matters.
    pub(crate) is_ordered: bool,
}

#[derive(Debug)]
struct Waiter<R> {
    number: u64,
    deadline: Instant,
    source: Arc<str>,
    telling: Telling<R>,
}

#[derive(Debug)]
struct Job<R> {
    payload: Payload,
    answer_in: Option<AnswerIn>,
    attachment: Arc<[u8]>,
    priority: Priority,
    key: Arc<str>,
    since: Instant,
    deaths: u32,
    is_drawn: bool,
    digest: Option<[u8; 32]>,
    waiters: Vec<Waiter<R>>,
}

/// How many requests there are, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Depth {
    /// Jobs that wait to be drawn.
    pub(crate) waiting: usize,
    /// Jobs that workers have.
    pub(crate) drawn: usize,
    /// Requests that are accepted and not told.
    pub(crate) requests: usize,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Queue<R> {
    most: usize,
    lanes: Lanes,
    jobs: HashMap<JobId, Job<R>>,
    shared: HashMap<(Arc<str>, [u8; 32]), JobId>,
    deadlines: BTreeSet<(Instant, u64, JobId)>,
    order: Order<Telling<R>>,
    names: HashMap<Box<str>, Arc<str>>,
    empty: Arc<str>,
    next: u64,
    untold: usize,
    /// Payloads of jobs that have ended: let go of outside of the caller's lock, as an application's code may run then.
    released: Vec<Payload>,
}

impl<R> Queue<R> {
    pub(crate) fn new(most: usize, batching: Batching) -> Self {
        Self {
            most,
            lanes: Lanes::new(batching),
            jobs: HashMap::new(),
            shared: HashMap::new(),
            deadlines: BTreeSet::new(),
            order: Order::default(),
            names: HashMap::new(),
            empty: "".into(),
            next: 0,
            untold: 0,
            released: Vec::new(),
        }
    }

    pub(crate) fn depth(&self) -> Depth {
        let waiting = self.lanes.len();
        Depth {
            waiting,
            drawn: self.jobs.len() - waiting,
            requests: self.untold,
        }
    }

    /// How long the oldest job has waited that is not drawn.
    pub(crate) fn longest_wait(&self, now: Instant) -> Duration {
        let oldest = self.lanes.oldest();
        oldest.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Accepts a request, or gives it back.
    pub(crate) fn submit(&mut self, new: New<R>, now: Instant) -> Result<(), (RequestError, R)> {
        if self.untold >= self.most {
            let queued = self.untold;
            self.release(new.payload, new.answer_in);
            return Err((RequestError::Full { queued }, new.reply));
        }
        let number = self.next;
        self.next += 1;
        self.untold += 1;
        let key = self.name(new.key);
        let source = self.name(new.source);
        if !source.is_empty() {
            self.order.begin(&source, number);
        }
        let telling = Telling {
            reply: new.reply,
            outcome: Err(RequestError::Closing),
            accepted: now,
            priority: new.priority,
            trace: new.trace,
            is_ordered: !source.is_empty(),
        };
        let waiter = Waiter {
            number,
            deadline: new.deadline,
            source,
            telling,
        };
        let twin = new.digest.map(|digest| (key.clone(), digest));
        let leader = twin
            .as_ref()
            .and_then(|twin| self.shared.get(twin))
            .copied();
        let id = leader.unwrap_or(number);
        self.deadlines.insert((new.deadline, number, id));
        if let Some(job) = self.jobs.get_mut(&id) {
            job.waiters.push(waiter);
            self.release(new.payload, new.answer_in);
            return Ok(());
        }
        if let Some(twin) = twin {
            self.shared.insert(twin, id);
        }
        self.lanes.insert(id, &key, new.priority, now);
        let job = Job {
            payload: new.payload,
            answer_in: new.answer_in,
            attachment: new.attachment,
            priority: new.priority,
            key,
            since: now,
            deaths: 0,
            is_drawn: false,
            digest: new.digest,
            waiters: vec![waiter],
        };
        self.jobs.insert(id, job);
        Ok(())
    }

    /// The next batch, if one is worth drawing. `is_wanted` says whether anybody still waits for a reply: jobs of nobody are
    /// let go of, and told to those who do not hear it.
    pub(crate) fn draw(
        &mut self,
        now: Instant,
        is_wanted: impl Fn(&R) -> bool,
    ) -> (Vec<Drawn>, Vec<Telling<R>>) {
        let mut told = self.expire(now);
        loop {
            let batch = self.lanes.draw(now);
            let mut drawn = Vec::with_capacity(batch.len());
            for id in &batch {
                let Some(job) = self.jobs.get_mut(id) else {
                    continue;
                };
                self.lanes.remove(*id, &job.key, job.priority, job.since);
                let wanted = |waiter: &Waiter<R>| is_wanted(&waiter.telling.reply);
                if !job.waiters.iter().any(wanted) {
                    told.extend(self.end(*id, &Err(RequestError::Closing)));
                    continue;
                }
                job.is_drawn = true;
                let deadlines = job.waiters.iter().map(|waiter| waiter.deadline);
                drawn.push(Drawn {
                    job: *id,
                    payload: job.payload.clone(),
                    answer_in: job.answer_in.clone(),
                    attachment: job.attachment.clone(),
                    deadline: deadlines.max().unwrap_or(now),
                    trace: job
                        .waiters
                        .first()
                        .map_or((0, 0), |waiter| waiter.telling.trace),
                    waited: now.saturating_duration_since(job.since),
                });
            }
            if !drawn.is_empty() || batch.is_empty() {
                return (drawn, told);
            }
        }
    }

    /// A worker's answer to a job, also of one that had been taken for dead; nothing where it has been told already.
    pub(crate) fn answered(&mut self, job: JobId, outcome: &Outcome) -> Vec<Telling<R>> {
        let known = self.jobs.get(&job);
        // No worker has had it otherwise.
        match known.is_some_and(|known| known.is_drawn || known.deaths > 0) {
            true => self.end(job, outcome),
            false => Vec::new(),
        }
    }

    /// Whether the job's answer is written into a slot, which is one worker's at a time.
    pub(crate) fn lends(&self, job: JobId) -> bool {
        let known = self.jobs.get(&job);
        known.is_some_and(|known| known.answer_in.is_some())
    }

    /// What has become free since this was asked last.
    pub(crate) fn released(&mut self) -> Vec<Payload> {
        std::mem::take(&mut self.released)
    }

    /// A worker has died with these jobs: others get them, but no job more than twice.
    pub(crate) fn returned(&mut self, jobs: &[JobId]) -> Vec<Telling<R>> {
        let mut told = Vec::new();
        for id in jobs {
            let Some(job) = self.jobs.get_mut(id).filter(|job| job.is_drawn) else {
                continue;
            };
            job.is_drawn = false;
            job.deaths += 1;
            let deaths = job.deaths;
            if deaths >= DEATHS {
                told.extend(self.end(*id, &Err(RequestError::Poisoned { deaths })));
            } else {
                self.lanes.insert_suspect(*id);
            }
        }
        told
    }

    /// These jobs have never reached their worker: they wait again, and nobody is to blame.
    pub(crate) fn not_sent(&mut self, jobs: &[JobId]) {
        for id in jobs {
            if let Some(job) = self.jobs.get_mut(id).filter(|job| job.is_drawn) {
                job.is_drawn = false;
                match job.deaths {
                    0 => self.lanes.insert(*id, &job.key, job.priority, job.since),
                    _ => self.lanes.insert_suspect(*id),
                }
            }
        }
    }

    /// Tells those whose deadline has passed. A job that nobody waits for any more is forgotten, also while a worker has it.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Telling<R>> {
        let mut told = Vec::new();
        while let Some((deadline, number, id)) = self.deadlines.first().copied() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            let Some(job) = self.jobs.get_mut(&id) else {
                continue;
            };
            let at = job
                .waiters
                .iter()
                .position(|waiter| waiter.number == number);
            let waiter = at.map(|at| job.waiters.swap_remove(at));
            if job.waiters.is_empty() {
                drop(self.forget(id));
            }
            if let Some(waiter) = waiter {
                told.extend(self.tell(waiter, Err(RequestError::Expired)));
            }
        }
        told
    }

    /// Tells everybody who waits the same.
    pub(crate) fn fail_all(&mut self, error: &RequestError) -> Vec<Telling<R>> {
        let mut ids: Vec<_> = self.jobs.keys().copied().collect();
        ids.sort_unstable();
        let outcome = Err(error.clone());
        let told = ids.into_iter().flat_map(|id| self.end(id, &outcome));
        told.collect()
    }

    /// When there is something to do though nothing comes: a deadline, or a batch that has waited long enough.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        let deadline = self.next_deadline();
        let ready = self.lanes.ready_at();
        deadline.into_iter().chain(ready).min()
    }

    /// The next deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, ..)| *deadline)
    }

    fn end(&mut self, id: JobId, outcome: &Outcome) -> Vec<Telling<R>> {
        let Some(job) = self.forget(id) else {
            return Vec::new();
        };
        let mut told = Vec::new();
        for waiter in job.waiters {
            self.deadlines.remove(&(waiter.deadline, waiter.number, id));
            told.extend(self.tell(waiter, outcome.clone()));
        }
        told
    }

    fn forget(&mut self, id: JobId) -> Option<Job<R>> {
        let job = self.jobs.remove(&id)?;
        if !job.is_drawn {
            self.lanes.remove(id, &job.key, job.priority, job.since);
        }
        if let Some(digest) = job.digest {
            self.shared.remove(&(job.key.clone(), digest));
        }
        self.release(job.payload.clone(), job.answer_in.clone());
        Some(job)
    }

    fn release(&mut self, payload: Payload, answer_in: Option<AnswerIn>) {
        self.released.push(payload);
        self.released
            .extend(answer_in.and_then(|answer| answer.slot));
    }

    fn tell(&mut self, waiter: Waiter<R>, outcome: Outcome) -> Vec<Telling<R>> {
        let mut telling = waiter.telling;
        telling.outcome = outcome;
        let told = match waiter.source.is_empty() {
            true => vec![telling],
            false => self.order.end(&waiter.source, waiter.number, telling),
        };
        self.untold -= told.len();
        told
    }

    /// One allocation for all requests of a key or source.
    fn name(&mut self, name: Box<str>) -> Arc<str> {
        if name.is_empty() {
            return self.empty.clone();
        }
        if let Some(known) = self.names.get(&name) {
            return known.clone();
        }
        if self.names.len() >= 1024 {
            self.names.retain(|_, known| Arc::strong_count(known) > 1);
        }
        let known: Arc<str> = name.as_ref().into();
        self.names.insert(name, known.clone());
        known
    }
}

#[cfg(test)]
mod tests;
