//! Starting a worker, asking one to end, and looking after its process.

use std::{
    process::{Command, Stdio},
    sync::{Arc, Weak},
    time::Instant,
};

use zenoh_pinned::bindings::line::{Peer, watch};

use super::{
    Shared,
    callbacks::{EvictReason, Happened},
    seat::{Process, Seat, WorkerId, WorkerLink},
    state::{Effects, event},
};
use crate::{
    assignment::{Assignment, VARIABLE},
    link::{self, Link, LinkError},
    os::{
        placement::{self, HUGE_PAGES_VARIABLE, Placement},
        spawning,
    },
    state::WorkerState,
};

impl Shared {
    /// Starts a process for this seat. On the keeper's thread, with which its workers end.
    pub(super) fn start(self: &Arc<Self>, worker: WorkerId) {
        if self.lock().is_closing {
            return;
        }
        let started = self
            .declare_link(worker, self.hub.session())
            .map_err(|error| error.to_string());
        let started = started.and_then(|link| {
            let placement = self.placement_of(worker.seat);
            let child = spawning::spawn(&mut self.command(worker, &placement), &placement);
            let child = child.map_err(|error| {
                let program = self.terms.command.first().cloned().unwrap_or_default();
                format!("{} cannot be started ({error})", program.display())
            })?;
            Ok((link, child))
        });
        let pid = self.change(|state, effects, now| {
            let name = self.terms.name.clone();
            let seat = state.seat(worker)?;
            match started {
                Ok((link, child)) => {
                    let pid = child.id();
                    seat.link = Some(link);
                    seat.pid = Some(pid);
                    seat.process = Some(Process { child, watch: None });
                    // It was asked to end before it was there to hear it.
                    if seat.state == WorkerState::Evicting {
                        seat.kill_at = Some(now);
                    }
                    effects
                        .happened
                        .push((Happened::Spawned, event(&name, seat)));
                    Some(pid)
                }
                Err(why) => {
                    tracing::warn!(pool = %name, %worker, %why, "a worker cannot be started");
                    seat.why_failed = Some(why.clone());
                    seat.become_state(WorkerState::Failed, now);
                    seat.restart_at = Some(seat.restart_after(now));
                    state.start_failed(Some(why), now, effects);
                    None
                }
            }
        });
        // Outside of the lock: one that has ended already is told of at once.
        let shared = Arc::downgrade(self);
        let watch = pid.and_then(Peer::of).map(|peer| {
            watch(peer, move || {
                // On a thread of its own: others' ends are told on this one.
                let ended = move || {
                    if let Some(shared) = shared.upgrade() {
                        shared.process_ended(worker);
                    }
                };
                let thread = std::thread::Builder::new().name(String::from("zpin-ended"));
                // Without a thread the keeper finds it within a second.
                let _ = thread.spawn(ended);
            })
        });
        let mut state = self.lock();
        if let Some(process) = state.seat(worker).and_then(|seat| seat.process.as_mut()) {
            process.watch = watch;
        }
    }

    pub(super) fn declare_link(
        self: &Arc<Self>,
        worker: WorkerId,
        session: &zenoh::Session,
    ) -> Result<WorkerLink, LinkError> {
        self.declare_link_as(worker, &worker.to_string(), session)
    }

    /// The link to a worker that is called so.
    pub(super) fn declare_link_as(
        self: &Arc<Self>,
        worker: WorkerId,
        called: &str,
        session: &zenoh::Session,
    ) -> Result<WorkerLink, LinkError> {
        let keys = self.keys.link(&self.instance, called);
        let shared: Weak<Self> = Arc::downgrade(self);
        let listener = link::listen(session, &self.pinner, &keys.up, move |received| {
            if let Some(shared) = shared.upgrade() {
                shared.heard(worker, &received);
            }
        })?;
        Ok(WorkerLink {
            link: Arc::new(Link::declare(session, &self.envelopes, &keys.down)?),
            _listener: listener,
        })
    }

    fn command(&self, worker: WorkerId, placement: &Placement) -> Command {
        let assignment = Assignment {
            endpoint: self.hub.endpoint().to_owned(),
            pool: self.terms.name.to_string(),
            instance: self.instance.clone(),
            worker: worker.to_string(),
            placement: placement.clone(),
        };
        let (program, arguments) = match self.terms.command.split_first() {
            Some((program, arguments)) => (program.clone(), arguments),
            None => Default::default(),
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        if placement.huge_pages {
            let (name, value) = HUGE_PAGES_VARIABLE;
            command.env(name, value);
        }
        command.envs(&self.terms.environment);
        command.env(VARIABLE, assignment.write());
        command
    }

    fn placement_of(&self, seat: usize) -> Placement {
        let own = &self.terms.processors;
        let mut placement = Placement {
            huge_pages: self.terms.huge_pages,
            ..Placement::default()
        };
        if !own.is_empty() {
            placement.processors = vec![own[seat % own.len()]];
        }
        if self.terms.numa {
            let nodes = placement::nodes();
            let holds = |node: &&u32| {
                let processors = placement::processors_of(**node);
                placement
                    .processors
                    .iter()
                    .all(|own| processors.contains(own))
            };
            let node = match placement.processors.is_empty() {
                true => nodes.get(seat % nodes.len().max(1)),
                false => nodes.iter().find(holds),
            };
            placement.node = Some(node.copied().unwrap_or_default());
            if placement.processors.is_empty() && nodes.len() > 1 {
                placement.processors = placement::processors_of(placement.node.unwrap_or_default());
            }
        }
        placement
    }

    /// Asks a worker to end: by a signal, or by a message where it is nobody's child here. Under the lock: one system call.
    pub(super) fn evict(
        &self,
        seat: &mut Seat,
        reason: EvictReason,
        now: Instant,
        effects: &mut Effects,
    ) {
        if !seat.become_state(WorkerState::Evicting, now) {
            return;
        }
        seat.evicted_for = Some(reason);
        seat.kill_at = Some(now + self.terms.grace);
        match (&seat.process, &seat.link) {
            (Some(process), _) => spawning::ask_to_end(&process.child),
            (None, Some(link)) => effects.leave.push(link.link.clone()),
            (None, None) => {}
        }
        effects
            .happened
            .push((Happened::Evicted(reason), event(&self.terms.name, seat)));
        effects.wake = true;
    }

    /// Kills a worker that did not do what it should have.
    pub(super) fn kill(
        &self,
        seat: &mut Seat,
        reason: EvictReason,
        now: Instant,
        effects: &mut Effects,
    ) {
        let was_evicting = seat.state == WorkerState::Evicting;
        seat.become_state(WorkerState::Failed, now);
        seat.kill_at = None;
        match (&mut seat.process, &seat.link) {
            (Some(process), _) => _ = process.child.kill(),
            // Nobody's child here: it is asked to leave, and what it had goes to others.
            (None, Some(link)) => {
                effects.leave.push(link.link.clone());
                effects.given_up.push(seat.id);
            }
            (None, None) => {}
        }
        if !was_evicting {
            seat.evicted_for = Some(reason);
            effects
                .happened
                .push((Happened::Evicted(reason), event(&self.terms.name, seat)));
        }
        effects.wake = true;
    }

    /// A process of this one's own has ended. It is waited for under the lock, which takes no time: nobody finds it still
    /// there when the seat says that it has gone.
    fn process_ended(&self, worker: WorkerId) {
        let status = self.change(|state, effects, now| {
            let process = &mut state.seat(worker)?.process;
            let status = process.as_mut()?.child.try_wait();
            if matches!(status, Ok(None)) {
                return Some(status);
            }
            *process = None;
            if let (Ok(Some(status)), Some(seat)) = (&status, state.seat(worker))
                && seat.evicted_for.is_none()
            {
                let when = if seat.ready_at.is_none() {
                    " before it was ready"
                } else {
                    ""
                };
                let see = "see what it wrote to its standard error";
                let why = || format!("its process ended{when} ({status}): {see}");
                seat.why_failed.get_or_insert_with(why);
            }
            state.ended(worker, now, effects);
            Some(status)
        });
        match status {
            Some(Ok(Some(status))) => {
                tracing::info!(pool = %self.terms.name, %worker, %status, "a worker has ended");
            }
            Some(Ok(None)) => {
                tracing::warn!(%worker, "a worker is said to have ended, and has not")
            }
            Some(Err(error)) => {
                tracing::warn!(%worker, %error, "a worker's end cannot be waited for")
            }
            None => {}
        }
    }

    /// Looks whether processes have ended whose end nobody has told, as where the kernel watches none.
    pub(super) fn reap(&self) {
        let ended: Vec<_> = {
            let mut state = self.lock();
            let seats = state.seats.iter_mut();
            let ended = seats.filter_map(|seat| {
                let process = seat.process.as_mut()?;
                matches!(process.child.try_wait(), Ok(Some(_))).then_some(seat.id)
            });
            ended.collect()
        };
        ended
            .into_iter()
            .for_each(|worker| self.process_ended(worker));
    }
}
