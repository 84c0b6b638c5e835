//! A client of another process, as the supervisor sees it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use zenoh_pinned_node::pubsub::FrameListener;

use crate::{
    link::{self, Envelopes, Link},
    protocol::{Answered, Content, Message},
    request::{Outcome, Payload},
};

/// See the module. Its answers leave in messages of as many as there are at that moment.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) link: Link,
    listener: Mutex<Option<FrameListener>>,
    pub(super) shares_memory: AtomicBool,
    pub(super) is_gone: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    cancelled: HashSet<u64>,
    kept: HashMap<u64, Vec<Payload>>,
    next: u64,
}

impl Client {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            listener: Mutex::default(),
            shares_memory: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listen_with(&self, listener: FrameListener) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    /// Its listener, to be dropped, which waits for a message that is being read.
    pub(super) fn stop_listening(&self) -> Option<FrameListener> {
        self.listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    pub(super) fn cancel(&self, id: u64) {
        self.lock().cancelled.insert(id);
    }

    pub(super) fn wants(&self, id: u64) -> bool {
        !self.is_gone.load(Ordering::Relaxed) && !self.lock().cancelled.contains(&id)
    }

    pub(super) fn taken(&self, number: u64) {
        let gone = self.lock().kept.remove(&number);
        drop(gone);
    }

    /// Sends outcomes of its requests.
    pub(super) fn answer(&self, outcomes: Vec<(u64, Outcome)>, envelopes: &Envelopes) {
        let shares_memory = self.shares_memory.load(Ordering::Relaxed);
        let outcomes: Vec<(u64, Outcome)> = outcomes
            .into_iter()
            .map(|(id, outcome)| match outcome {
                Ok(payload) if shares_memory && link::must_be_laid(&payload) => {
                    (id, envelopes.laid(&payload))
                }
                outcome => (id, outcome),
            })
            .collect();
        let number = {
            let mut state = self.lock();
            for (id, _) in &outcomes {
                state.cancelled.remove(id);
            }
            state.next += 1;
            let number = state.next;
            let payloads = outcomes
                .iter()
                .filter_map(|(_, outcome)| outcome.as_ref().ok());
            let shared = payloads.filter(|payload| shares_memory && payload.descriptor().is_some());
            let shared: Vec<_> = shared.cloned().collect();
            if !shared.is_empty() {
                // Before it is sent: the client may have taken it before the send returns.
                state.kept.insert(number, shared);
            }
            number
        };
        let answers = outcomes.iter().map(|(id, outcome)| Answered {
            id: *id,
            outcome: match outcome {
                Ok(payload) => Ok(link::content(payload, shares_memory)),
                Err(error) => Err(error.clone()),
            },
        });
        let answers: Vec<_> = answers.collect();
        let is_shared = |answer: &Answered<'_>| matches!(answer.outcome, Ok(Content::Shared(_)));
        let message = Message::Answers {
            number,
            must_be_taken: answers.iter().any(is_shared),
            answers,
        };
        if let Err(error) = self.link.send(&message) {
            // It has gone, or stands still: its requests end by their deadlines there.
            tracing::debug!(%error, "a client takes no answers");
            self.taken(number);
        }
    }
}
