//! The keeper: a thread for each pool that does what time asks for. Deadlines, batches that have waited long enough,
//! restarts, scaling, signs of life, checks, and what others may see.
//!
//! It starts the workers' processes, which the kernel kills when it ends, however that comes about.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use zenoh::Wait;
use zenoh_pinned::{
    HostUsage, Pressure,
    bindings::{own_memory_of, physical_memory},
};

use super::{
    Shared,
    callbacks::EvictReason,
    seat::WorkerId,
    state::{Effects, State},
};
use crate::{scaling::Load, state::WorkerState};

/// How often the load is looked at, while something goes on and otherwise.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOK_EVERY_IDLE: Duration = Duration::from_millis(500);
/// How often the host's memory is read, and what others may see is written.
const EACH_SECOND: Duration = Duration::from_secs(1);
/// A worker that has given no sign of life for so many periods is killed.
const SILENT_PERIODS: u32 = 3;
/// How far ahead requests are predicted: about what a worker takes to start.
const AHEAD: Duration = Duration::from_secs(1);

/// When the keeper has done what.
struct Times {
    looked: Instant,
    scaled: Instant,
    pinged: Instant,
    each_second: Instant,
}

/// What is to be done outside of the lock.
#[derive(Default)]
struct Work {
    start: Vec<WorkerId>,
    ping: Vec<WorkerId>,
    memory: Vec<(WorkerId, u32)>,
}

/// Runs until the pool is closed and all of its processes have ended.
pub(super) fn run(shared: &Arc<Shared>) {
    let long_ago = Instant::now() - 2 * EACH_SECOND;
    let mut times = Times {
        looked: Instant::now(),
        scaled: long_ago,
        pinged: Instant::now(),
        each_second: long_ago,
    };
    // A panic is a fault of this library's: it is reported by its hook, and costs no more than a look.
    while catch_unwind(AssertUnwindSafe(|| look(shared, &mut times))).unwrap_or(true) {}
    shared.shown.remove();
}

/// One look, and a sleep until the next one; false at the end.
fn look(shared: &Arc<Shared>, times: &mut Times) -> bool {
    let now = Instant::now();
    let is_second = now >= times.each_second + EACH_SECOND;
    let pressure = is_second.then(|| shared.pressure());
    let (work, is_done) = shared.change(|state, effects, now| {
        if let Some(pressure) = pressure {
            state.real_pressure = pressure;
        }
        let work = shared.keep(state, times, now, effects);
        (
            work,
            state.is_closing && state.seats.iter().all(|seat| seat.process.is_none()),
        )
    });
    // Two statements: the lock is let go of before they are waited for.
    let links = std::mem::take(&mut shared.lock().links_ended);
    drop(links);
    if is_done {
        return false;
    }
    work.start
        .into_iter()
        .for_each(|worker| shared.start(worker));
    work.ping.into_iter().for_each(|worker| shared.ping(worker));
    shared.check_memory(work.memory);
    if is_second {
        times.each_second = now;
        shared.reap();
        shared.shown.write(&shared.statistics());
    }
    shared.sleep_until(|state| next_look(state, times));
    true
}

fn next_look(state: &State, times: &Times) -> Instant {
    let depth = state.queue.depth();
    let is_busy = depth.requests > 0 || state.arrivals.rate() > 0.0;
    let period = if is_busy { LOOK_EVERY } else { LOOK_EVERY_IDLE };
    let mut next = (times.scaled + period).min(times.each_second + EACH_SECOND);
    let mut sooner = |at: Option<Instant>| next = at.map_or(next, |at| next.min(at));
    // Where no worker is free, a batch that has waited long enough waits for one to be.
    let now = Instant::now();
    let is_free = |seat: &super::seat::Seat| seat.has_credit(state.credits(), now);
    match state.seats.iter().any(is_free) {
        true => sooner(state.queue.next_at()),
        false => sooner(state.queue.next_deadline()),
    }
    for seat in &state.seats {
        sooner(seat.restart_at);
        sooner(seat.kill_at);
        sooner(seat.rests_until.filter(|until| *until > now));
    }
    next
}

impl Shared {
    /// What time asks for.
    fn keep(
        &self,
        state: &mut State,
        times: &mut Times,
        now: Instant,
        effects: &mut Effects,
    ) -> Work {
        let mut work = Work::default();
        // Whoever was held up himself, or stopped, has to hear first what has come meanwhile before he calls others late.
        let was_held_up = now.saturating_duration_since(times.looked) > 2 * EACH_SECOND;
        times.looked = now;
        let told = state.queue.expire(now);
        state.count(&told, now);
        effects.told.extend(told);
        state.draw(now, effects);
        self.look_at_seats(state, was_held_up, now, effects, &mut work);
        if state.is_closing {
            return work;
        }
        if now >= times.scaled + LOOK_EVERY {
            times.scaled = now;
            self.scale(state, now, effects, &mut work);
        }
        if now >= times.pinged + self.terms.ping_every {
            times.pinged = now;
            self.look_for_signs(state, now, effects, &mut work);
        }
        work
    }

    fn look_at_seats(
        &self,
        state: &mut State,
        was_held_up: bool,
        now: Instant,
        effects: &mut Effects,
        work: &mut Work,
    ) {
        let high = state.pressure >= Pressure::High;
        let is_closing = state.is_closing;
        for seat in &mut state.seats {
            let age = now.saturating_duration_since(seat.since);
            let batch = seat.batches.front();
            // One that is with its second batch has begun it when it answered the first.
            let batch_age =
                batch.map(|batch| now.saturating_duration_since(batch.since.max(seat.since)));
            // Of a check as well, which changes no state.
            let is_with_it = batch_age.is_some_and(|age| age > self.terms.answer_within);
            let loads = matches!(seat.state, WorkerState::Spawning | WorkerState::Loading);
            let has_loaded_for = now.saturating_duration_since(seat.started);
            let is_late = match loads {
                true => is_with_it || has_loaded_for > self.terms.load_within,
                false => is_with_it && seat.state.takes_batches(),
            };
            if is_late && !was_held_up {
                seat.why_failed = Some(format!("it was {} for longer than it may", seat.state));
                self.kill(seat, EvictReason::Late, now, effects);
            }
            if seat.kill_at.is_some_and(|at| at <= now) {
                let reason = seat.evicted_for.unwrap_or(EvictReason::Closing);
                self.kill(seat, reason, now, effects);
            }
            if seat.state == WorkerState::Ready && age > self.terms.scaling.idle_after {
                seat.become_state(WorkerState::Idle, now);
            }
            if seat.restart_at.is_some_and(|at| at <= now) && !is_closing {
                if high {
                    seat.restart_at = Some(now + EACH_SECOND);
                } else if seat.process.is_none() {
                    work.start.push(seat.renew(now));
                }
            }
        }
    }

    fn scale(&self, state: &mut State, now: Instant, effects: &mut Effects, work: &mut Work) {
        state.arrivals.tick(now);
        state.pressure = state.chaos.pressure(state.real_pressure);
        let counts = |seat: &&super::seat::Seat| {
            seat.state.is_alive() && seat.state != WorkerState::Evicting
                || seat.restart_at.is_some()
        };
        let starting = |seat: &&super::seat::Seat| {
            counts(seat) && seat.state.is_alive() && !seat.state.takes_batches()
        };
        // One that has joined would not come back.
        let is_idle =
            |seat: &&super::seat::Seat| seat.state == WorkerState::Idle && seat.joined_as.is_none();
        let predicted = match self.terms.predictive {
            true => state.arrivals.predicted(AHEAD),
            false => state.arrivals.rate(),
        };
        state.predicted = predicted;
        let load = Load {
            queued: state.queue.depth().waiting,
            longest_wait: state.queue.longest_wait(now),
            predicted_per_second: predicted,
            seconds_per_request: state.seconds_per_request,
            workers: state.seats.iter().filter(counts).count(),
            starting: state.seats.iter().filter(starting).count(),
            idle: state.seats.iter().filter(is_idle).count(),
            pressure: state.pressure,
        };
        let scaling = state.scaler.decide(&load, now);
        state.wanted = (scaling.wanted, scaling.reason);
        if !self.terms.command.is_empty() {
            // Those beyond are of workers that join.
            let own = state.seats.iter_mut().take(self.terms.scaling.most);
            let free = own.filter(|seat| seat.is_free());
            for seat in free.take(scaling.start) {
                work.start.push(seat.renew(now));
            }
        }
        let reason = match scaling.reason {
            crate::scaling::ScaleReason::CriticalPressure => EvictReason::Pressure,
            _ => EvictReason::Surplus,
        };
        let mut idle: Vec<_> = state
            .seats
            .iter_mut()
            .filter(|seat| is_idle(&&**seat))
            .collect();
        idle.sort_by_key(|seat| seat.since);
        for seat in idle.into_iter().take(scaling.evict) {
            self.evict(seat, reason, now, effects);
        }
    }

    /// Asks for signs of life, kills those that have given none, and has those checked that have nothing else to do.
    fn look_for_signs(
        &self,
        state: &mut State,
        now: Instant,
        effects: &mut Effects,
        work: &mut Work,
    ) {
        let mut check = Vec::new();
        for seat in &mut state.seats {
            if !seat.state.takes_batches() {
                continue;
            }
            // Counted, not timed: a supervisor that stood still itself has not asked meanwhile.
            if seat.unanswered >= SILENT_PERIODS {
                seat.why_failed = Some(String::from(
                    "it has given no sign of life: it is stopped, or was",
                ));
                self.kill(seat, EvictReason::Silent, now, effects);
                continue;
            }
            seat.unanswered += 1;
            work.ping.push(seat.id);
            work.memory.extend(
                seat.pid
                    .filter(|_| seat.joined_as.is_none())
                    .map(|pid| (seat.id, pid)),
            );
            let due = |every| {
                seat.checked
                    .is_none_or(|at| now.saturating_duration_since(at) >= every)
            };
            if let Some(deep) = &self.terms.deep_check
                && seat.batches.is_empty()
                && due(deep.every)
            {
                check.push(seat.id);
            }
        }
        if let Some(deep) = &self.terms.deep_check {
            let deadline = now + self.terms.answer_within;
            let sendings = check
                .into_iter()
                .filter_map(|worker| state.check(worker, &deep.payload, deadline, now));
            effects.batches.extend(sendings);
        }
    }

    fn ping(self: &Arc<Self>, worker: WorkerId) {
        let called = {
            let mut state = self.lock();
            state
                .seat(worker)
                .map(|seat| (seat.called(), seat.joined_as.is_some()))
        };
        let Some((called, is_joined)) = called else {
            return;
        };
        let session = if is_joined {
            &self.session
        } else {
            self.hub.session()
        };
        let shared = Arc::downgrade(self);
        let asked = session.get(self.keys.ping(&self.instance, &called));
        let asked = asked
            .timeout(SILENT_PERIODS * self.terms.ping_every)
            .callback(move |reply| {
                if reply.result().is_ok()
                    && let Some(shared) = shared.upgrade()
                    && let Some(seat) = shared.lock().seat(worker)
                {
                    seat.unanswered = 0;
                }
            });
        if let Err(error) = asked.wait() {
            tracing::debug!(%worker, %error, "a worker cannot be asked for a sign of life");
        }
    }

    fn check_memory(&self, workers: Vec<(WorkerId, u32)>) {
        let Some(most) = self.terms.worker_bytes else {
            return;
        };
        for (worker, pid) in workers {
            if own_memory_of(pid).is_ok_and(|bytes| bytes > most) {
                self.change(|state, effects, now| {
                    if let Some(seat) = state.seat(worker) {
                        self.evict(seat, EvictReason::Memory, now, effects);
                    }
                });
            }
        }
    }

    fn pressure(&self) -> Pressure {
        let Ok(usage) = HostUsage::now() else {
            return Pressure::default();
        };
        match self.terms.memory_limit {
            None => usage.pressure,
            Some(share) => {
                let limit = share * physical_memory() as f64;
                let used = usage.memory_bytes.max(usage.registered_bytes);
                usage.pressure.max(Pressure::of(used, limit as u64))
            }
        }
    }
}
