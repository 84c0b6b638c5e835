//! A client of another process, as the supervisor sees it.
//!
//! Knowingly weak: answers to a client that has not read [`UNREAD`] messages are dropped, so that one that stands still
//! costs others nothing; its requests end by their deadlines there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use zenoh_pinned_node::pubsub::FrameListener;

use crate::{
    link::{self, Envelopes, Link, MESSAGE_BYTES},
    protocol::{Content, MOST_REQUESTS, Message},
    request::{Outcome, Payload},
};

/// As many messages may wait for a client; the line takes twice as many.
const UNREAD: u64 = 64;
/// Bytes of an error in a message, about.
const ANSWER_BYTES: usize = 1200;

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
    /// What it has asked for and was not answered, and whether it still waits for that.
    asked: HashMap<u64, bool>,
    /// Frames of answers that it may not have taken yet, by the message's number.
    kept: BTreeMap<u64, Vec<Payload>>,
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

    pub(super) fn asks(&self, id: u64) {
        self.lock().asked.insert(id, true);
    }

    pub(super) fn cancel(&self, id: u64) {
        if let Some(waits) = self.lock().asked.get_mut(&id) {
            *waits = false;
        }
    }

    pub(super) fn wants(&self, id: u64) -> bool {
        !self.is_gone.load(Ordering::Relaxed) && self.lock().asked.get(&id) == Some(&true)
    }

    /// It has taken the frames of the answers of this number, and of lower ones.
    pub(super) fn taken(&self, number: u64) {
        let mut state = self.lock();
        let later = state.kept.split_off(&(number + 1));
        let gone = std::mem::replace(&mut state.kept, later);
        drop(state);
        drop(gone);
    }

    /// Sends outcomes of its requests, in as many messages as they need.
    pub(super) fn answer(&self, outcomes: Vec<(u64, Outcome)>, envelopes: &Envelopes) {
        let shares_memory = self.shares_memory.load(Ordering::Relaxed);
        let outcomes = outcomes.into_iter().map(|(id, outcome)| match outcome {
            Ok(payload) if shares_memory => (id, envelopes.laid(payload)),
            outcome => (id, outcome),
        });
        let mut outcomes: Vec<(u64, Outcome)> = outcomes.collect();
        while !outcomes.is_empty() {
            let mut bytes = 0;
            let fits = |(_, outcome): &&(u64, Outcome)| {
                let inline = |payload: &Payload| match link::content(payload, shares_memory) {
                    Content::Inline(inline) => inline.len(),
                    Content::Shared(_) => 0,
                };
                bytes += outcome.as_ref().map_or(ANSWER_BYTES, |_| 64);
                bytes += outcome.as_ref().map_or(0, inline);
                bytes += outcome
                    .as_ref()
                    .map_or(0, |payload| payload.attachment().len());
                bytes <= MESSAGE_BYTES
            };
            let count = outcomes.iter().take(MOST_REQUESTS).take_while(fits).count();
            let rest = outcomes.split_off(count.max(1));
            self.send(&outcomes, shares_memory);
            outcomes = rest;
        }
    }

    fn send(&self, outcomes: &[(u64, Outcome)], shares_memory: bool) {
        let is_stuck = self.link.unread() > UNREAD;
        let (answers, must_be_taken) = link::answered(outcomes, shares_memory);
        let number = {
            let mut state = self.lock();
            for (id, _) in outcomes {
                state.asked.remove(id);
            }
            if is_stuck {
                return;
            }
            state.next += 1;
            let number = state.next;
            if must_be_taken {
                let payloads = outcomes.iter().flat_map(|(_, outcome)| outcome.clone());
                // Before it is sent: the client may have taken it before the send returns.
                state.kept.insert(number, payloads.collect());
            }
            number
        };
        let message = Message::Answers {
            number,
            answers,
            must_be_taken,
        };
        if let Err(error) = self.link.send(&message) {
            // It has gone: its requests end by their deadlines there, if it is there at all.
            tracing::debug!(%error, "a client takes no answers");
            let gone = self.lock().kept.remove(&number);
            drop(gone);
        }
    }
}
