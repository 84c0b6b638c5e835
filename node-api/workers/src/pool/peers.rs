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
    /// Lets others find the pool.
    pub(super) fn declare(self: &Arc<Self>) -> zenoh::Result<Declared> {
        let watch = |role: Role, seen: fn(&Arc<Self>, &str, SampleKind)| {
            let shared = Arc::downgrade(self);
            let tokens = self
                .session
                .liveliness()
                .declare_subscriber(self.keys.all_peers(role, &self.instance));
            tokens.history(true).callback(move |sample: Sample| {
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                let Some(called) = sample.key_expr().as_str().rsplit('/').next() else {
                    return;
                };
                // Declaring and undeclaring is not for zenoh's own threads, whose callbacks they wait for.
                let (called, kind) = (called.to_owned(), sample.kind());
                let thread = std::thread::Builder::new().name(String::from("zpin-joining"));
                let spawned = thread.spawn(move || seen(&shared, &called, kind));
                if let Err(error) = spawned {
                    tracing::warn!(%error, "a client or worker is not let in, as no thread can be started");
                }
            }).wait()
        };
        let clients = watch(Role::Client, Self::client_seen)?;
        let joining = watch(Role::Worker, Self::worker_seen)?;
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
            let at = seats.position(|seat| !seat.state.is_alive() && seat.joined_as.is_none());
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
                if let Some(seat) = self.lock().seat(worker) {
                    seat.link = Some(Arc::new(link));
                }
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
