//! Doing what a change of the state asks for, outside of its lock.

use std::{
    collections::HashMap,
    sync::{Arc, TryLockError},
    time::Instant,
};

use super::{
    Shared,
    callbacks::Completed,
    client::Client,
    state::{Effects, Reply, ReplyTo, Sending},
};
use crate::{
    link::{self, SendError},
    protocol::{Asked, Message},
    queue::Telling,
    request::{Outcome, RequestError},
    traces,
};

impl Shared {
    /// Changes the state by `change`, and does what comes of it.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut super::state::State, &mut Effects, Instant) -> T,
    ) -> T {
        let mut effects = Effects::default();
        let result = {
            let mut state = self.lock();
            let result = change(&mut state, &mut effects, Instant::now());
            for worker in std::mem::take(&mut effects.given_up) {
                state.ended(worker, Instant::now(), &mut effects);
            }
            let (ordered, others) = std::mem::take(&mut effects.told)
                .into_iter()
                .partition(|telling| telling.is_ordered);
            let ordered: Vec<_> = ordered;
            effects.told = others;
            effects.has_ordered = !ordered.is_empty();
            state.ordered.extend(ordered);
            state.counts.count(&effects.happened);
            effects.released.extend(state.queue.released());
            // The keeper drops them: on a listener's thread each could wait for the other.
            state.links_ended.append(&mut effects.links);
            result
        };
        self.perform(effects);
        result
    }

    fn perform(&self, effects: Effects) {
        let Effects {
            told,
            batches,
            happened,
            leave,
            given_up: _,
            links: _,
            wake,
            has_ordered,
            batches_ended,
            released,
        } = effects;
        for sending in batches {
            self.send(sending);
        }
        self.tell(told);
        if has_ordered {
            self.tell_ordered();
        }
        for (happened, event) in &happened {
            self.terms.callbacks.tell(*happened, event);
        }
        for link in leave {
            if let Err(error) = link.send(&Message::Leave) {
                tracing::debug!(%error, "a worker cannot be asked to leave");
            }
        }
        if wake {
            self.wake();
        }
        drop((batches_ended, released));
    }

    pub(super) fn send(&self, sending: Sending) {
        let Sending {
            worker,
            link,
            shares_memory,
            borrows,
            number,
            drawn,
        } = sending;
        let now = Instant::now();
        for drawn in &drawn {
            let (pool, bytes) = (&self.terms.name, drawn.payload.len());
            traces::tell_part("queue", drawn.trace, drawn.waited, pool, bytes, "");
        }
        let requests = drawn.iter().map(|drawn| {
            let remaining = drawn.deadline.saturating_duration_since(now).as_micros();
            Asked {
                id: drawn.job,
                content: link::content(&drawn.payload, shares_memory),
                attachment: &drawn.attachment,
                answer_place: drawn
                    .answer_in
                    .as_ref()
                    .map(|answer| link::answer_place(answer, borrows)),
                remaining: u64::try_from(remaining).unwrap_or(u64::MAX),
                trace: drawn.trace,
                terms: None,
            }
        });
        let message = Message::Batch {
            number,
            requests: requests.collect(),
        };
        if self.drops_a_message() {
            return;
        }
        match link.send(&message) {
            Ok(()) => {}
            Err(SendError::Put(error)) => {
                tracing::warn!(%worker, %error, "a batch does not reach its worker");
                self.change(|state, effects, now| state.not_sent(worker, number, now, effects));
            }
            Err(error @ (SendError::NoSlot { .. } | SendError::Unwritable(_))) => {
                let why = error.to_string();
                let error = RequestError::NoMemory { why };
                self.change(|state, effects, now| {
                    state.cannot_be_sent(worker, number, &error, now, effects)
                });
            }
        }
    }

    /// Tells answers of sources in the order in which the queue has given them: one thread at a time, which takes along what
    /// others have left meanwhile.
    fn tell_ordered(&self) {
        loop {
            let telling = match self.telling.try_lock() {
                Ok(telling) => telling,
                // It guards no data.
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let told = std::mem::take(&mut self.lock().ordered);
            self.tell(told);
            drop(telling);
            if self.lock().ordered.is_empty() {
                return;
            }
        }
    }

    /// Tells those who wait, clients in one message each.
    fn tell(&self, told: Vec<Telling<Reply>>) {
        type OfClient = (Arc<Client>, Vec<(u64, Outcome)>);
        let mut by_client: HashMap<*const Client, OfClient> = HashMap::new();
        for telling in told {
            let Telling {
                reply,
                outcome,
                accepted,
                priority,
                trace,
                ..
            } = telling;
            if self.terms.callbacks.completed.is_some() {
                self.terms.callbacks.complete(&Completed {
                    priority,
                    took: accepted.elapsed(),
                    error: outcome.as_ref().err().cloned(),
                });
            }
            let (took, pool) = (accepted.elapsed(), &self.terms.name);
            match reply.to {
                ReplyTo::Here(promise) => {
                    traces::tell_request(trace, took, pool, &outcome);
                    promise.tell(outcome);
                }
                ReplyTo::Client { client, id } => {
                    let bytes = outcome.as_ref().map_or(0, |payload| payload.len());
                    let kind = outcome.as_ref().err().map_or("", RequestError::kind);
                    traces::tell_part("supervise", trace, took, pool, bytes, kind);
                    let known = by_client.entry(Arc::as_ptr(&client));
                    let (_, outcomes) = known.or_insert_with(|| (client, Vec::new()));
                    outcomes.push((id, outcome));
                }
            }
        }
        for (client, outcomes) in by_client.into_values() {
            if !self.drops_a_message() {
                client.answer(outcomes, &self.envelopes);
            }
        }
    }
}
