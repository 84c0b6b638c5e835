//! A subscriber's zenoh subscription, which it does without while a publisher alone publishes on its key and has a lane.
//!
//! Declaring and undeclaring are done on a thread of their own: what asks for them is a callback of zenoh's, or a reader
//! that is about to take a frame.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use zenoh::{Session, Wait, key_expr::OwnedKeyExpr, pubsub::Subscriber, sample::Sample};

use super::token::Source;

type Callback = Arc<dyn Fn(Sample) + Send + Sync>;

/// See the module's note.
pub(in crate::pubsub) struct Subscription {
    session: Session,
    key: OwnedKeyExpr,
    callback: Callback,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscriber: Option<Subscriber<()>>,
    /// Publishers that say that they are alone on this very key.
    alone: HashSet<Source>,
    /// Those of them that have a lane here which has all their frames.
    joined: HashSet<Source>,
    is_changing: bool,
    is_over: bool,
}

impl State {
    /// Unless somebody is alone, and has a lane. Where two say so, each needs one.
    fn is_needed(&self) -> bool {
        self.alone.is_empty() || !self.alone.is_subset(&self.joined)
    }
}

impl Subscription {
    /// Declares the subscription.
    pub(in crate::pubsub) fn declare(
        session: &Session,
        key: OwnedKeyExpr,
        callback: impl Fn(Sample) + Send + Sync + 'static,
    ) -> zenoh::Result<Arc<Self>> {
        let subscription = Self {
            session: session.clone(),
            key,
            callback: Arc::new(callback),
            state: Mutex::default(),
        };
        let subscriber = subscription.declared()?;
        subscription.lock().subscriber = Some(subscriber);
        Ok(Arc::new(subscription))
    }

    fn declared(&self) -> zenoh::Result<Subscriber<()>> {
        let callback = self.callback.clone();
        self.session
            .declare_subscriber(self.key.clone())
            .callback(move |sample| callback(sample))
            .wait()
    }

    /// Whether zenoh brings what is published, or may: it does before declaring has returned.
    pub(in crate::pubsub) fn stands(&self) -> bool {
        let state = self.lock();
        state.subscriber.is_some() || state.is_changing
    }

    /// A publisher says that it is alone on this key, or says so no more.
    pub(in crate::pubsub) fn set_alone(self: &Arc<Self>, source: Source, is_alone: bool) {
        self.change(|state| set(&mut state.alone, source, is_alone));
    }

    /// A publisher has a lane that has all its frames, or has it no more.
    pub(in crate::pubsub) fn set_joined(self: &Arc<Self>, source: Source, has_joined: bool) {
        self.change(|state| set(&mut state.joined, source, has_joined));
    }

    /// After this nothing is declared any more.
    pub(in crate::pubsub) fn end(&self) {
        let subscriber = {
            let mut state = self.lock();
            state.is_over = true;
            state.subscriber.take()
        };
        drop(subscriber);
    }

    fn change(self: &Arc<Self>, change: impl FnOnce(&mut State) -> bool) {
        let mut state = self.lock();
        let is_same = !change(&mut state) || state.is_needed() == state.subscriber.is_some();
        if is_same || state.is_over || std::mem::replace(&mut state.is_changing, true) {
            return;
        }
        drop(state);
        let subscription = self.clone();
        let thread = std::thread::Builder::new().name(String::from("zpin-meeting"));
        if let Err(error) = thread.spawn(move || subscription.settle()) {
            tracing::error!(%error, key = %self.key, "a zenoh subscription could not be changed");
            self.lock().is_changing = false;
        }
    }

    /// Declares or undeclares until what stands is what is needed.
    fn settle(&self) {
        loop {
            let (is_needed, undeclared) = {
                let mut state = self.lock();
                if state.is_over || state.is_needed() == state.subscriber.is_some() {
                    state.is_changing = false;
                    return;
                }
                (state.is_needed(), state.subscriber.take())
            };
            if !is_needed {
                // Not under the lock: zenoh waits for callbacks that are going on.
                drop(undeclared);
                continue;
            }
            match self.declared() {
                Ok(subscriber) => {
                    let mut state = self.lock();
                    if !state.is_over {
                        state.subscriber = Some(subscriber);
                    }
                }
                Err(error) => {
                    // The session is closed.
                    tracing::debug!(%error, key = %self.key, "no zenoh subscription");
                    self.lock().is_changing = false;
                    return;
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set(sources: &mut HashSet<Source>, source: Source, is_in: bool) -> bool {
    match is_in {
        true => sources.insert(source),
        false => sources.remove(&source),
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Subscription")
            .field("key", &self.key)
            .field("stands", &self.stands())
            .finish_non_exhaustive()
    }
}
