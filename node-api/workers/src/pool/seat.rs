//! The place of one worker: the process that has it now, what it is doing, and when another one follows.

use std::{
    collections::VecDeque,
    process::Child,
    sync::Arc,
    time::{Duration, Instant},
};

use zenoh_pinned::bindings::line::Watch;
use zenoh_pinned_node::pubsub::FrameListener;

use crate::{backoff::Backoff, link::Link, queue::Drawn, state::WorkerState};

/// Numbers of jobs from here on are of deep checks.
pub(super) const CHECKS_FROM: u64 = 1 << 63;

/// Whether the number is of a deep check.
pub(super) fn is_check(job: u64) -> bool {
    job >= CHECKS_FROM
}

/// Which worker: its place, and how manieth it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct WorkerId {
    pub(super) seat: usize,
    pub(super) incarnation: u64,
}

impl std::fmt::Display for WorkerId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}-{}", self.seat, self.incarnation)
    }
}

/// Both ways between supervisor and worker. The listener has one owner, the seat: dropping it waits for a message that is
/// being read, so it is done outside of locks, and never on the thread of another link.
#[derive(Debug)]
pub(super) struct WorkerLink {
    pub(super) link: Arc<Link>,
    pub(super) _listener: FrameListener,
}

/// A process of this one's own.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) watch: Option<Watch>,
}

/// A batch that a worker has.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) number: u64,
    pub(super) jobs: Vec<u64>,
    pub(super) since: Instant,
    /// Keeps the frames until the worker has answered, also those of requests that have expired meanwhile.
    pub(super) _frames: Vec<Drawn>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) id: WorkerId,
    pub(super) state: WorkerState,
    pub(super) since: Instant,
    pub(super) started: Instant,
    pub(super) ready_at: Option<Instant>,
    pub(super) pid: Option<u32>,
    pub(super) process: Option<Process>,
    pub(super) link: Option<WorkerLink>,
    /// Its name, where it was started by somebody else, on this host or another.
    pub(super) joined_as: Option<String>,
    pub(super) shares_memory: bool,
    /// Whether only the process that was started here has said hello: its end is known.
    pub(super) is_child_itself: bool,
    pub(super) placement: Vec<(String, String)>,
    pub(super) batches: VecDeque<InFlight>,
    pub(super) answered: u64,
    pub(super) restarts: u64,
    /// When another process is started here, if one is to be.
    pub(super) restart_at: Option<Instant>,
    /// Until when it is given nothing, as the last batch did not reach it.
    pub(super) rests_until: Option<Instant>,
    /// When a worker that was asked to end is killed.
    pub(super) kill_at: Option<Instant>,
    /// How often it was asked for a sign of life since it has given one.
    pub(super) unanswered: u32,
    pub(super) checked: Option<Instant>,
    pub(super) evicted_for: Option<super::EvictReason>,
    pub(super) why_failed: Option<String>,
    backoff: Backoff,
}

impl Seat {
    /// A free one; restarts wait so long the first time, and at most.
    pub(super) fn new(seat: usize, (first, longest): (Duration, Duration), now: Instant) -> Self {
        Self {
            id: WorkerId {
                seat,
                incarnation: 0,
            },
            state: WorkerState::Dead,
            since: now,
            started: now,
            ready_at: None,
            pid: None,
            process: None,
            link: None,
            joined_as: None,
            shares_memory: false,
            is_child_itself: true,
            placement: Vec::new(),
            batches: VecDeque::new(),
            answered: 0,
            restarts: 0,
            restart_at: None,
            rests_until: None,
            kill_at: None,
            unanswered: 0,
            checked: None,
            evicted_for: None,
            why_failed: None,
            backoff: Backoff::new(first, longest),
        }
    }

    /// Changes the state, if the table allows it.
    pub(super) fn become_state(&mut self, next: WorkerState, now: Instant) -> bool {
        if !self.state.may_become(next) {
            return false;
        }
        tracing::debug!(worker = %self.id, from = %self.state, to = %next, "a worker");
        self.state = next;
        self.since = now;
        true
    }

    /// Another process is to have this seat from now on.
    pub(super) fn renew(&mut self, now: Instant) -> WorkerId {
        self.become_state(WorkerState::Spawning, now);
        self.id.incarnation += 1;
        self.started = now;
        self.ready_at = None;
        self.restart_at = None;
        self.rests_until = None;
        self.kill_at = None;
        self.unanswered = 0;
        self.is_child_itself = true;
        self.checked = None;
        self.evicted_for = None;
        self.id
    }

    /// When the next process is started here, after this one has ended.
    pub(super) fn restart_after(&mut self, now: Instant) -> Instant {
        // One that never was ready has not lived.
        let lived = self.ready_at.map(|at| now.saturating_duration_since(at));
        let lived = lived.unwrap_or_default();
        now + self.backoff.next(lived)
    }

    /// What it is called in keys.
    pub(super) fn called(&self) -> String {
        self.joined_as
            .clone()
            .unwrap_or_else(|| self.id.to_string())
    }

    /// Whether it can be given a batch more.
    pub(super) fn has_credit(&self, credits: usize, now: Instant) -> bool {
        let rests = self.rests_until.is_some_and(|until| now < until);
        self.state.takes_batches() && self.batches.len() < credits && self.link.is_some() && !rests
    }

    /// Whether nobody has it and nobody is to have it.
    pub(super) fn is_free(&self) -> bool {
        let nobody_has_it =
            self.process.is_none() && self.joined_as.is_none() && self.link.is_none();
        !self.state.is_alive() && nobody_has_it && self.restart_at.is_none()
    }
}
