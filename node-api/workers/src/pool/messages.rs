//! What workers and clients say to the supervisor, each on the thread of its link.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    Shared,
    callbacks::EvictReason,
    client::Client,
    seat::{WorkerId, is_check},
    state::ReplyTo,
};
use crate::{
    link::{self, Link, Received},
    protocol::{Answered, Asked, Capabilities, Message},
    queue::New,
    request::{Outcome, RequestError, Submission, check},
    state::WorkerState,
};

impl Shared {
    /// A worker has said something.
    pub(super) fn heard(&self, worker: WorkerId, received: &Received) {
        let message = match Message::read(&received.message) {
            Ok(message) => message,
            Err(error) => return tracing::warn!(%worker, %error, "a worker's message is not read"),
        };
        match message {
            Message::Hello { pid } => self.heard_hello(worker, pid, received.is_shared),
            Message::Ready(capabilities) => self.heard_ready(worker, capabilities),
            Message::NotReady { why } => self.heard_failure(worker, why),
            Message::Answers {
                number,
                answers,
                must_be_taken,
            } => {
                if self.drops_a_message() {
                    return;
                }
                let outcomes = answers
                    .iter()
                    .map(|answer| (answer.id, self.outcome(answer, received)));
                let outcomes: Vec<_> = outcomes.collect();
                if must_be_taken && let Some(link) = self.link_of(worker) {
                    self.say(worker, &link, &Message::Taken { number });
                }
                self.heard_answers(worker, number, outcomes);
            }
            _ => tracing::debug!(%worker, "a worker says what only others may say"),
        }
    }

    fn heard_hello(&self, worker: WorkerId, pid: u32, shares_memory: bool) {
        let link = self.change(|state, _, now| {
            let seat = state.seat(worker)?;
            match seat.joined_as.is_some() {
                true => seat.pid = Some(pid),
                // Its child, or a program that it has started: nobody here would know when that ends.
                false => seat.is_child_itself &= seat.pid == Some(pid),
            }
            seat.become_state(WorkerState::Loading, now);
            Some(seat.link.as_ref()?.link.clone())
        });
        if let Some(link) = link {
            let pid = std::process::id();
            let welcome = Message::Welcome { pid, shares_memory };
            if let Err(error) = link.send_shared(&welcome) {
                tracing::debug!(%worker, %error, "a worker is not welcomed yet");
            }
        }
    }

    fn heard_ready(&self, worker: WorkerId, capabilities: Capabilities) {
        self.change(|state, effects, now| {
            if let Some(seat) = state.seat(worker) {
                seat.shares_memory = capabilities.shares_memory;
                seat.placement = capabilities.placement;
            }
            match &self.terms.deep_check {
                // Ready once its answer is right.
                Some(check) => {
                    let deadline = now + self.terms.answer_within;
                    effects
                        .batches
                        .extend(state.check(worker, &check.payload, deadline, now));
                }
                None => state.is_ready(worker, now, effects),
            }
        });
    }

    fn heard_failure(&self, worker: WorkerId, why: String) {
        tracing::warn!(pool = %self.terms.name, %worker, %why, "a worker cannot load its model");
        self.change(|state, effects, now| {
            if let Some(seat) = state.seat(worker) {
                seat.why_failed = Some(why);
                seat.become_state(WorkerState::Failed, now);
                seat.kill_at = Some(now + Duration::from_millis(500));
            }
            effects.wake = true;
        });
    }

    fn heard_answers(&self, worker: WorkerId, number: u64, outcomes: Vec<(u64, Outcome)>) {
        let check = outcomes.first().is_some_and(|(job, _)| is_check(*job));
        if !check {
            return self.change(|state, effects, now| {
                state.answered(worker, number, outcomes, now, effects);
            });
        }
        // Outside of the lock: it is the application's.
        let is_right = self.terms.deep_check.as_ref().is_some_and(|check| {
            let answer = outcomes
                .first()
                .and_then(|(_, outcome)| outcome.as_ref().ok());
            let right = || answer.is_some_and(|answer| (check.is_right)(answer));
            catch_unwind(AssertUnwindSafe(right)).unwrap_or(false)
        });
        self.change(|state, effects, now| {
            if let Some(seat) = state.seat(worker) {
                let at = seat.batches.iter().position(|batch| batch.number == number);
                let Some(batch) = at.and_then(|at| seat.batches.remove(at)) else {
                    return;
                };
                effects.batches_ended.push(batch);
                if !is_right {
                    seat.why_failed = Some(String::from("its answer to the deep check was wrong"));
                    self.evict(seat, EvictReason::WrongAnswer, now, effects);
                    return;
                }
            }
            // The first time; afterwards it is as ready as before.
            state.is_ready(worker, now, effects);
        });
    }

    fn outcome(&self, answer: &Answered<'_>, received: &Received) -> Outcome {
        let content = answer.outcome.clone()?;
        let payload = link::payload(content, &received.message, &self.reader);
        let payload = payload.map_err(|error| RequestError::Unreadable {
            why: error.to_string(),
        })?;
        Ok(payload.attach(answer.attachment))
    }

    fn link_of(&self, worker: WorkerId) -> Option<Arc<Link>> {
        Some(self.lock().seat(worker)?.link.as_ref()?.link.clone())
    }

    fn say(&self, worker: WorkerId, link: &Link, message: &Message<'_>) {
        if let Err(error) = link.send(message) {
            tracing::debug!(%worker, %error, "a worker takes no message");
        }
    }

    /// A client has said something.
    pub(super) fn heard_client(self: &Arc<Self>, client: &Weak<Client>, received: &Received) {
        let Some(client) = client.upgrade() else {
            return;
        };
        match Message::read(&received.message) {
            Ok(Message::Hello { .. }) => {
                client
                    .shares_memory
                    .fetch_or(received.is_shared, Ordering::Relaxed);
                let welcome = Message::Welcome {
                    pid: std::process::id(),
                    shares_memory: received.is_shared,
                };
                if let Err(error) = client.link.send_shared(&welcome) {
                    tracing::debug!(%error, "a client is not welcomed yet");
                }
            }
            Ok(Message::Requests(requests)) => {
                for asked in &requests {
                    self.ask(&client, asked, received);
                }
            }
            Ok(Message::Cancel { id }) => client.cancel(id),
            Ok(Message::Taken { number }) => client.taken(number),
            Ok(_) => tracing::debug!("a client says what only others may say"),
            Err(error) => tracing::warn!(%error, "a client's message is not read"),
        }
    }

    fn ask(self: &Arc<Self>, client: &Arc<Client>, asked: &Asked<'_>, received: &Received) {
        let to = ReplyTo::Client {
            client: client.clone(),
            id: asked.id,
        };
        let payload = link::payload(asked.content, &received.message, &self.reader);
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => {
                let why = error.to_string();
                let outcome = Err(RequestError::Unreadable { why });
                return client.answer(vec![(asked.id, outcome)], &self.envelopes);
            }
        };
        let terms = asked.terms.unwrap_or(crate::protocol::Terms {
            priority: crate::request::Priority::Normal,
            key: "",
            source: "",
            deduplicate: false,
        });
        let submission = Submission {
            payload,
            answer_in: asked
                .answer_place
                .map(|place| link::answer_in(place, &self.reader)),
            attachment: asked.attachment.to_vec(),
            priority: terms.priority,
            deadline: Some(Duration::from_micros(asked.remaining.min(1 << 40))),
            key: terms.key.into(),
            source: terms.source.into(),
            deduplicate: terms.deduplicate,
        };
        let laid =
            check(&submission).and_then(|()| self.envelopes.laid(submission.payload.clone()));
        let submission = match laid {
            Ok(payload) => Submission {
                payload,
                ..submission
            },
            Err(error) => return client.answer(vec![(asked.id, Err(error))], &self.envelopes),
        };
        // Sources of two clients are not one.
        let source = match terms.source {
            "" => Box::default(),
            source => format!("{:p}/{source}", Arc::as_ptr(client)).into(),
        };
        client.asks(asked.id);
        self.accept(
            Submission {
                source,
                ..submission
            },
            asked.trace,
            to,
        );
    }

    /// Takes a request of this process or of a client.
    pub(super) fn accept(&self, submission: Submission, trace: (u128, u64), to: ReplyTo) {
        // What is written into one slot is not for somebody who has another.
        let has_twins = submission.deduplicate && submission.answer_in.is_none();
        let digest = has_twins.then(|| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&(submission.attachment.len() as u64).to_le_bytes());
            hasher.update(&submission.attachment);
            hasher.update(&submission.payload);
            hasher.finalize().into()
        });
        let now = Instant::now();
        let deadline = submission.deadline.unwrap_or(self.terms.deadline);
        let new = New {
            payload: submission.payload,
            answer_in: submission.answer_in,
            attachment: submission.attachment.into(),
            priority: submission.priority,
            deadline: now + deadline.min(Duration::from_secs(1 << 20)),
            key: submission.key,
            source: submission.source,
            digest,
            trace,
            reply: to,
        };
        self.change(|state, effects, now| state.submit(new, now, effects));
    }
}
