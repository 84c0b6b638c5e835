//! Doing what a change of the state asks for, outside of its lock.

use std::{collections::HashMap, sync::Arc, time::Instant};

use super::{
    Shared,
    callbacks::Completed,
    client::Client,
    state::{Effects, Reply, ReplyTo, Sending},
};
use crate::{
    link,
    protocol::{Asked, Message},
    queue::Telling,
    request::Outcome,
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
            state.counts.count(&effects.happened);
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
            links,
            wake,
        } = effects;
        for sending in batches {
            self.send(sending);
        }
        self.tell(told);
        for (happened, event) in &happened {
            self.terms.callbacks.tell(*happened, event);
        }
        for link in leave {
            if let Err(error) = link.link.send(&Message::Leave) {
                tracing::debug!(%error, "a worker cannot be asked to leave");
            }
        }
        if wake {
            self.wake();
        }
        drop(links);
    }

    pub(super) fn send(&self, sending: Sending) {
        let Sending {
            worker,
            link,
            shares_memory,
            number,
            drawn,
        } = sending;
        let now = Instant::now();
        let requests = drawn.iter().map(|drawn| {
            let remaining = drawn.deadline.saturating_duration_since(now).as_micros();
            Asked {
                id: drawn.job,
                content: link::content(&drawn.payload, shares_memory),
                attachment: &drawn.attachment,
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
        if let Err(error) = link.link.send(&message) {
            tracing::warn!(%worker, %error, "a batch does not reach its worker");
            self.change(|state, effects, _| {
                state.not_sent(worker, number);
                // The keeper draws again: at once might be the same again.
                effects.wake = true;
            });
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
            } = telling;
            if self.terms.callbacks.completed.is_some() {
                self.terms.callbacks.complete(&Completed {
                    priority,
                    took: accepted.elapsed(),
                    error: outcome.as_ref().err().cloned(),
                });
            }
            super::tracing::tell_request(trace, accepted, &self.terms.name, &outcome);
            match reply.to {
                ReplyTo::Here(promise) => promise.tell(outcome),
                ReplyTo::Client { client, id } => {
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
