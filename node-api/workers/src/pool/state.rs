//! What a pool's threads share: the queue, the seats, breaker, scaler, and what was counted. All under one mutex.
//!
//! Every change gives what is to be done about it outside of the lock ([`Effects`]): messages to workers, answers to those
//! who wait, callbacks. So no zenoh call and nothing of the application's runs under the lock, and no system call but
//! signals to children.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    builder::Terms,
    callbacks::{Happened, WorkerEvent},
    client::Client,
    counts::Counts,
    seat::{CHECKS_FROM, InFlight, Seat, WorkerId, WorkerLink},
};
use crate::{
    arrivals::Arrivals,
    breaker::{Admission, Breaker},
    chaos::ChaosDice,
    latency::{Latencies, Recent},
    link::Link,
    queue::{Batching, Drawn, New, Queue, Telling},
    request::{Outcome, Payload, Promise, RequestError},
    scaling::{ScaleReason, Scaler},
    state::WorkerState,
};

/// Who waits for an answer.
pub(super) enum ReplyTo {
    Here(Promise),
    Client { client: Arc<Client>, id: u64 },
}

pub(super) struct Reply {
    pub(super) to: ReplyTo,
    pub(super) admission: Admission,
}

impl Reply {
    fn is_wanted(&self) -> bool {
        match &self.to {
            ReplyTo::Here(promise) => promise.is_wanted(),
            ReplyTo::Client { client, id } => client.wants(*id),
        }
    }
}

/// A batch on its way to a worker.
pub(super) struct Sending {
    pub(super) worker: WorkerId,
    pub(super) link: Arc<Link>,
    pub(super) shares_memory: bool,
    /// Whether slots may be lent to it: where nobody sees when it ends, another could write beside it.
    pub(super) borrows: bool,
    pub(super) number: u64,
    pub(super) drawn: Vec<Drawn>,
}

/// What is to be done outside of the lock.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) told: Vec<Telling<Reply>>,
    pub(super) batches: Vec<Sending>,
    pub(super) happened: Vec<(Happened, WorkerEvent)>,
    /// Workers that are nobody's children here, to be asked to end.
    pub(super) leave: Vec<Arc<Link>>,
    /// Of these, those that are given up: to be taken for ended.
    pub(super) given_up: Vec<WorkerId>,
    /// Dropped outside: links of workers that have ended, by the keeper; frames that nobody needs any more.
    pub(super) links: Vec<WorkerLink>,
    pub(super) batches_ended: Vec<InFlight>,
    pub(super) released: Vec<Payload>,
    /// The keeper has something new to look at.
    pub(super) wake: bool,
    /// Some of the state's `ordered` are this change's.
    pub(super) has_ordered: bool,
}

pub(super) struct State {
    pub(super) queue: Queue<Reply>,
    pub(super) breaker: Breaker,
    pub(super) scaler: Scaler,
    pub(super) arrivals: Arrivals,
    pub(super) chaos: ChaosDice,
    pub(super) seats: Vec<Seat>,
    pub(super) clients: HashMap<String, Arc<Client>>,
    /// Links of workers that have ended, until the keeper drops them.
    pub(super) links_ended: Vec<WorkerLink>,
    /// Answers whose order matters, until they are told.
    pub(super) ordered: Vec<Telling<Reply>>,
    pub(super) counts: Counts,
    /// From being accepted to the answer; from being accepted to being drawn; with a worker, whole batches.
    pub(super) took: Latencies,
    pub(super) waited: Latencies,
    pub(super) served: Latencies,
    pub(super) recent: Recent,
    pub(super) seconds_per_request: f64,
    pub(super) wanted: (usize, ScaleReason),
    pub(super) predicted: f64,
    /// As the host has it, and as the pool takes it, which chaos may have raised.
    pub(super) real_pressure: zenoh_pinned::Pressure,
    pub(super) pressure: zenoh_pinned::Pressure,
    pub(super) start_failures: u32,
    pub(super) why_no_worker: Option<String>,
    pub(super) is_closing: bool,
    /// When the keeper wakes by itself, while it sleeps; and whether it was woken since it looked.
    pub(super) keeper_wakes_at: Option<Instant>,
    pub(super) keeper_is_woken: bool,
    pub(super) name: Arc<str>,
    credits: usize,
    pub(super) next_batch: u64,
    pub(super) next_check: u64,
}

impl State {
    pub(super) fn new(terms: &Terms, now: Instant) -> Self {
        let batching = Batching {
            size: terms.batch,
            delay: terms.delay,
        };
        Self {
            queue: Queue::new(terms.queue, batching),
            breaker: Breaker::new(terms.breaker),
            scaler: Scaler::new(terms.scaling),
            arrivals: Arrivals::new(now),
            chaos: ChaosDice::new(terms.chaos),
            seats: (0..terms.scaling.most)
                .map(|seat| Seat::new(seat, terms.restarts, now))
                .collect(),
            clients: HashMap::new(),
            links_ended: Vec::new(),
            ordered: Vec::new(),
            counts: Counts::default(),
            took: Latencies::default(),
            waited: Latencies::default(),
            served: Latencies::default(),
            recent: Recent::new(now),
            seconds_per_request: 0.0,
            wanted: (terms.scaling.least, ScaleReason::Least),
            predicted: 0.0,
            real_pressure: zenoh_pinned::Pressure::default(),
            pressure: zenoh_pinned::Pressure::default(),
            start_failures: 0,
            why_no_worker: None,
            is_closing: false,
            keeper_wakes_at: None,
            keeper_is_woken: false,
            name: terms.name.clone(),
            credits: terms.credits,
            next_batch: 1,
            next_check: CHECKS_FROM,
        }
    }

    /// Takes a request, or refuses it.
    pub(super) fn submit(&mut self, new: New<ReplyTo>, now: Instant, effects: &mut Effects) {
        let mut refuse = |reply: ReplyTo, error: RequestError, admission| {
            *self.counts.refused.entry(error.kind()).or_default() += 1;
            effects.told.push(Telling {
                reply: Reply {
                    to: reply,
                    admission,
                },
                outcome: Err(error),
                accepted: now,
                priority: new.priority,
                trace: new.trace,
                is_ordered: false,
            });
        };
        let admitted = match &self.why_no_worker {
            _ if self.is_closing => Err(RequestError::Closing),
            Some(why) => Err(RequestError::NoWorker { why: why.clone() }),
            None => {
                let admitted = self.breaker.admit(now);
                admitted.map_err(|refusal| RequestError::BreakerOpen {
                    retry_after: refusal.retry_after,
                })
            }
        };
        let admission = match admitted {
            Ok(admission) => admission,
            Err(error) => {
                effects.released.push(new.payload);
                let slot = new.answer_in.and_then(|answer| answer.slot);
                effects.released.extend(slot);
                return refuse(new.reply, error, Admission::NONE);
            }
        };
        let loses = self.chaos.loses_a_request();
        let deadline = match loses {
            // By chaos: as if nobody had answered in time.
            true => now,
            false => new.deadline,
        };
        let (priority, trace) = (new.priority, new.trace);
        let new = New {
            reply: Reply {
                to: new.reply,
                admission,
            },
            deadline,
            payload: new.payload,
            answer_in: new.answer_in,
            attachment: new.attachment,
            priority,
            key: new.key,
            source: new.source,
            digest: new.digest,
            trace,
        };
        if let Err((error, reply)) = self.queue.submit(new, now) {
            self.breaker.abandoned(reply.admission);
            *self.counts.refused.entry(error.kind()).or_default() += 1;
            effects.told.push(Telling {
                reply,
                outcome: Err(error),
                accepted: now,
                priority,
                trace,
                is_ordered: false,
            });
            return;
        }
        self.counts.accepted += 1;
        self.arrivals.record(1);
        self.draw(now, effects);
        let has_worker = self.seats.iter().any(|seat| seat.state.is_alive());
        let next = self.queue.next_at();
        // Where all are busy, the next answer draws.
        let is_free = self
            .seats
            .iter()
            .any(|seat| seat.has_credit(self.credits, now));
        let next = if is_free {
            next
        } else {
            self.queue.next_deadline()
        };
        let is_sooner = match (next, self.keeper_wakes_at) {
            (Some(next), Some(wakes)) => next < wakes,
            (next, _) => next.is_some(),
        };
        effects.wake |= is_sooner || !has_worker;
    }

    /// Gives batches to workers that have room for one: those in front, so that those that are too many have nothing to do.
    pub(super) fn draw(&mut self, now: Instant, effects: &mut Effects) {
        loop {
            let free = self
                .seats
                .iter()
                .filter(|seat| seat.has_credit(self.credits, now));
            let Some(worker) = free.min_by_key(|seat| (seat.batches.len(), seat.id.seat)) else {
                return;
            };
            let worker = worker.id;
            let (drawn, told) = self.queue.draw(now, Reply::is_wanted);
            self.count(&told, now);
            effects.told.extend(told);
            if drawn.is_empty() {
                return;
            }
            let number = self.next_batch;
            self.next_batch += 1;
            self.counts.batches += 1;
            self.counts.batched += drawn.len() as u64;
            for drawn in &drawn {
                self.waited.record(drawn.waited);
            }
            let kills = self.chaos.kills_a_worker();
            let Some((seat, link)) = self.seat(worker).and_then(|seat| {
                let link = seat.link.as_ref()?.link.clone();
                Some((seat, link))
            }) else {
                return;
            };
            seat.batches.push_back(InFlight {
                number,
                jobs: drawn.iter().map(|drawn| drawn.job).collect(),
                since: now,
                _frames: drawn.clone(),
            });
            seat.become_state(WorkerState::Processing, now);
            if kills && let Some(process) = &mut seat.process {
                let _ = process.child.kill();
            }
            effects.batches.push(Sending {
                worker,
                shares_memory: seat.shares_memory,
                borrows: seat.shares_memory && seat.joined_as.is_none() && seat.is_child_itself,
                link,
                number,
                drawn,
            });
        }
    }

    /// A batch that did not reach its worker, who rests for a moment: at once it might be the same again.
    pub(super) fn not_sent(
        &mut self,
        worker: WorkerId,
        number: u64,
        now: Instant,
        effects: &mut Effects,
    ) {
        const REST: Duration = Duration::from_millis(100);
        if let Some(seat) = self.seat(worker)
            && let Some(at) = seat.batches.iter().position(|batch| batch.number == number)
            && let Some(batch) = seat.batches.remove(at)
        {
            seat.rests_until = Some(now + REST);
            match seat.state {
                WorkerState::Processing if seat.batches.is_empty() => {
                    _ = seat.become_state(WorkerState::Ready, now)
                }
                // It is to be checked before it serves, and cannot be.
                WorkerState::Loading => seat.kill_at = Some(now),
                _ => {}
            }
            self.queue.not_sent(&batch.jobs);
            effects.batches_ended.push(batch);
        }
        effects.wake = true;
    }

    /// A batch that cannot be sent to anybody.
    pub(super) fn cannot_be_sent(
        &mut self,
        worker: WorkerId,
        number: u64,
        error: &RequestError,
        now: Instant,
        effects: &mut Effects,
    ) {
        let jobs = self.seat(worker).and_then(|seat| {
            let batch = seat.batches.iter().find(|batch| batch.number == number)?;
            Some(batch.jobs.clone())
        });
        let outcomes = jobs
            .unwrap_or_default()
            .into_iter()
            .map(|job| (job, Err(error.clone())));
        self.answered(worker, number, outcomes.collect(), now, effects);
    }

    /// A worker's answers.
    pub(super) fn answered(
        &mut self,
        worker: WorkerId,
        number: u64,
        answers: Vec<(u64, Outcome)>,
        now: Instant,
        effects: &mut Effects,
    ) {
        let count = answers.len();
        let has_it = self.seat(worker).is_some_and(|seat| {
            let mut batches = seat.batches.iter();
            batches.any(|batch| batch.number == number)
        });
        for (job, outcome) in answers {
            // Of one that has been taken for dead: another one may write in the slot by now.
            if !has_it && self.queue.lends(job) {
                effects.released.extend(outcome);
                continue;
            }
            let told = self.queue.answered(job, &outcome);
            self.count(&told, now);
            effects.told.extend(told);
        }
        if let Some(seat) = self.seat(worker) {
            seat.answered += count as u64;
            let at = seat.batches.iter().position(|batch| batch.number == number);
            if let Some(batch) = at.and_then(|at| seat.batches.remove(at)) {
                // Where the worker had two, this one began when the other was answered.
                let took = now.saturating_duration_since(batch.since.max(seat.since));
                if seat.batches.is_empty() {
                    seat.become_state(WorkerState::Ready, now);
                } else {
                    seat.since = now;
                }
                effects.batches_ended.push(batch);
                self.served.record(took);
                let each = took.as_secs_f64() / count.max(1) as f64;
                let weight = if self.seconds_per_request == 0.0 {
                    1.0
                } else {
                    0.1
                };
                self.seconds_per_request += weight * (each - self.seconds_per_request);
            }
        }
        self.draw(now, effects);
    }

    pub(super) fn credits(&self) -> usize {
        self.credits
    }

    /// The seat, while this worker has it.
    pub(super) fn seat(&mut self, worker: WorkerId) -> Option<&mut Seat> {
        let seat = self.seats.get_mut(worker.seat)?;
        (seat.id == worker).then_some(seat)
    }

    /// Counts what is about to be told.
    pub(super) fn count(&mut self, told: &[Telling<Reply>], now: Instant) {
        for telling in told {
            let took = now.saturating_duration_since(telling.accepted);
            let admission = telling.reply.admission;
            match &telling.outcome {
                Ok(_) => {
                    self.counts.answered += 1;
                    self.took.record(took);
                    self.recent.record(took, now);
                    self.breaker.succeeded(admission, now);
                }
                Err(error) => {
                    *self.counts.failed.entry(error.kind()).or_default() += 1;
                    match error {
                        RequestError::Poisoned { .. } | RequestError::EngineBroke { .. } => {
                            self.breaker.failed(admission, now);
                        }
                        // The engine lives and says no.
                        RequestError::Engine { .. } => self.breaker.succeeded(admission, now),
                        // Too slow, or nobody there: no more of it helps or harms.
                        _ => self.breaker.abandoned(admission),
                    }
                }
            }
        }
    }
}

pub(super) fn event(pool: &Arc<str>, seat: &Seat) -> WorkerEvent {
    WorkerEvent {
        pool: pool.clone(),
        seat: seat.id.seat,
        incarnation: seat.id.incarnation,
        pid: seat.pid,
    }
}

#[cfg(test)]
mod tests;
