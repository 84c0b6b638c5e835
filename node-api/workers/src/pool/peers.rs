//! Clients and workers that come by themselves: they say so by liveliness tokens of zenoh's, which end with them.

use std::sync::{Arc, Weak, atomic::Ordering};

use zenoh::{
    Wait,
    sample::{Sample, SampleKind},
};

use super::{Declared, Shared, client::Client, seat::Seat};
use crate::{
    link::{self, Link, LinkError},
    protocol::Role,
};

impl Shared {
    /// Lets others find the pool. What is seen of them is dealt with on a thread of its own, one after the other: declaring
    /// is not for zenoh's threads, whose callbacks it waits for.
    pub(super) fn declare(self: &Arc<Self>) -> zenoh::Result<Declared> {
        let (seen, all_seen) = std::sync::mpsc::channel::<(Role, String, SampleKind)>();
        let shared = Arc::downgrade(self);
        let thread = std::thread::Builder::new().name(String::from("zpin-joining"));
        thread.spawn(move || {
            // Until the subscribers have gone.
            for (role, called, kind) in all_seen {
                let Some(shared) = Weak::upgrade(&shared) else {
                    return;
                };
                match role {
                    Role::Client => shared.client_seen(&called, kind),
                    Role::Worker => shared.worker_seen(&called, kind),
                }
            }
        })?;
        let watch = |role: Role| {
            let seen = seen.clone();
            let tokens = self.session.liveliness();
            let tokens = tokens.declare_subscriber(self.keys.all_peers(role, &self.instance));
            let tokens = tokens.history(true).callback(move |sample: Sample| {
                if let Some(called) = sample.key_expr().as_str().rsplit('/').next() {
                    // Nobody listens only at the end.
                    let _ = seen.send((role, called.to_owned(), sample.kind()));
                }
            });
            tokens.wait()
        };
        let clients = watch(Role::Client)?;
        let joining = watch(Role::Worker)?;
        let token = self
            .session
            .liveliness()
            .declare_token(self.keys.supervisor(&self.instance));
        Ok(Declared {
            _clients: clients,
            _joining: joining,
            _token: token.wait()?,
        })
    }

    fn client_seen(self: &Arc<Self>, called: &str, kind: SampleKind) {
        match kind {
            SampleKind::Put => match self.client(called) {
                Ok(client) => {
                    let before = self.lock().clients.insert(called.to_owned(), client);
                    before.iter().for_each(|client| client.end());
                }
                Err(error) => tracing::warn!(client = called, %error, "a client is not let in"),
            },
            SampleKind::Delete => {
                let gone = self.lock().clients.remove(called);
                gone.iter().for_each(|client| client.end());
            }
        }
    }

    fn client(self: &Arc<Self>, called: &str) -> Result<Arc<Client>, LinkError> {
        let keys = self.keys.link(&self.instance, called);
        let client = Arc::new(Client::new(Link::declare(
            &self.session,
            &self.envelopes,
            &keys.down,
        )?));
        let (shared, of) = (Arc::downgrade(self), Arc::downgrade(&client));
        let listener = link::listen(&self.session, &self.pinner, &keys.up, move |received| {
            let shared: Option<Arc<Self>> = Weak::upgrade(&shared);
            if let Some(shared) = shared {
                shared.heard_client(&of, &received);
            }
        })?;
        client.listen_with(listener);
        Ok(client)
    }

    fn worker_seen(self: &Arc<Self>, called: &str, kind: SampleKind) {
        match kind {
            SampleKind::Put => self.worker_joins(called),
            SampleKind::Delete => {
                self.change(|state, effects, now| {
                    let mut seats = state.seats.iter();
                    let seat = seats.find(|seat| seat.joined_as.as_deref() == Some(called));
                    if let Some(worker) = seat.map(|seat| seat.id) {
                        state.ended(worker, now, effects);
                        if let Some(seat) = state.seat(worker) {
                            seat.joined_as = None;
                        }
                    }
                });
            }
        }
    }

    fn worker_joins(self: &Arc<Self>, called: &str) {
        let worker = self.change(|state, _, now| {
            if state.is_closing {
                return None;
            }
            // Beside the seats of the pool's own, which the scaler fills.
            let mut seats = state.seats.iter().skip(self.terms.scaling.most);
            let at = seats.position(Seat::is_free);
            let at = at
                .map(|at| at + self.terms.scaling.most)
                .unwrap_or_else(|| {
                    state
                        .seats
                        .push(Seat::new(state.seats.len(), self.terms.restarts, now));
                    state.seats.len() - 1
                });
            let seat = state.seats.get_mut(at)?;
            seat.joined_as = Some(called.to_owned());
            Some(seat.renew(now))
        });
        let Some(worker) = worker else {
            return;
        };
        match self.declare_link_as(worker, called, &self.session) {
            Ok(link) => {
                let mut link = Some(link);
                if let Some(seat) = self.lock().seat(worker) {
                    seat.link = link.take();
                }
                // Outside of the lock, where it has left meanwhile.
                drop(link);
            }
            Err(error) => tracing::warn!(worker = called, %error, "a worker is not let in"),
        }
    }
}

impl Client {
    /// It has gone: nobody wants its answers.
    pub(super) fn end(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
        drop(self.stop_listening());
    }
}
