//! Gives back what is idle, least recently used first, and keeps the account page right: one thread of a
//! process, which sleeps while there is nothing to look after.

use std::{
    cmp::Reverse,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError, Weak},
    time::Duration,
};

use super::{Purpose, Sums, account, usage};
use crate::{
    figures::{self, ProcessFigures},
    os::{clock::Moment, file::Identity, per_process::PerProcess, waiting},
};

/// What was used more recently than this is not given back to make room for a request: it is likely to be used again at
/// once.
const GRACE: Duration = Duration::from_secs(1);
/// How often the page and the idle are looked after, at least and at most.
const EVERY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// How often figures are shown: less than a second, as a pause may be shorter than it was meant to be.
const TELL_EVERY: Duration = Duration::from_millis(900);

/// Something that nobody uses at this moment.
#[derive(Clone, Debug)]
pub(crate) struct Idle {
    /// The segment it is about.
    pub(crate) identity: Identity,
    pub(crate) purpose: Purpose,
    pub(crate) bytes: u64,
    pub(crate) last_used: Moment,
}

/// A pool or a pinner.
pub(crate) trait GivesBack: Send + Sync {
    /// After what time idle things go.
    fn time_to_live(&self) -> Duration;
    /// The limit of the host that its own requests are held to, in bytes.
    fn host_limit(&self) -> u64;
    /// What is idle. What is in use is noted as used now.
    fn idle(&self) -> Vec<Idle>;
    /// Gives it back if it is idle still.
    fn give_back(&self, idle: &Idle) -> bool;
}

#[derive(Default)]
struct Clients {
    clients: Vec<Weak<dyn GivesBack>>,
    /// There is a thread.
    is_running: bool,
    /// Something has changed since the thread looked.
    changed: bool,
}

/// A forked child has its parent's memory, not its thread: it begins anew.
static CLIENTS: PerProcess<Mutex<Clients>> = PerProcess::new(Mutex::default);
static CHANGED: PerProcess<Condvar> = PerProcess::new(Condvar::new);

/// Gives back what is idle of `client`, for as long as it exists.
pub(crate) fn watch(client: Weak<dyn GivesBack>) {
    ensure_running();
    CLIENTS.lock().clients.push(client);
}

/// There is an account, or somebody who has figures, to look after.
pub(crate) fn ensure_running() {
    let mut state = CLIENTS.lock();
    if !state.is_running {
        let thread = std::thread::Builder::new().name(String::from("zpin-keeper"));
        // Without a thread nothing idle is given back before a request needs it; the next one tries again.
        state.is_running = thread.spawn(run).is_ok();
    }
    state.changed = true;
    CHANGED.notify_all();
}

/// Gives back what is idle until a request that exceeds the sums by `excess` would fit; `true` if
/// anything was given back.
pub(super) fn give_back_now(excess: Sums) -> bool {
    give_back_until(&clients(), excess)
}

fn run() {
    waiting::never_here();
    let mut told = None;
    loop {
        // A panic of somebody's own registration must not end the looking after.
        let look = AssertUnwindSafe(|| {
            tell(&mut told);
            look_after()
        });
        let pause = catch_unwind(look).unwrap_or(Some(EVERY.1));
        match pause {
            Some(pause) => std::thread::sleep(pause),
            None => sleep_until_changed(),
        }
    }
}

fn sleep_until_changed() {
    let mut state = CLIENTS.lock();
    while !std::mem::take(&mut state.changed) {
        state = CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Shows this process's figures to others, once a second.
fn tell(told: &mut Option<Moment>) {
    let now = Moment::now();
    if told.is_none_or(|told| now.since(told) >= TELL_EVERY) {
        *told = Some(now);
        let figures = ProcessFigures::of_this_process();
        let page = figures.map(|figures| figures.encode());
        account::show_figures(page.as_ref());
    }
}

/// One look; the time until the next, or none where nothing is left to look after.
fn look_after() -> Option<Duration> {
    let has_page = account::tend();
    let clients = clients();
    if clients.is_empty() {
        return (has_page || figures::any_source()).then_some(EVERY.1);
    }
    for client in &clients {
        let hurry = usage::pressure(client.host_limit()).hurry();
        let time_to_live = client.time_to_live() / hurry;
        let now = Moment::now();
        let mut due = client.idle();
        due.retain(|idle| now.since(idle.last_used) >= time_to_live);
        due.sort_by_key(|idle| idle.last_used);
        for idle in &due {
            client.give_back(idle);
        }
    }
    give_back_until(&clients, usage::recently().wanted);
    let shortest = clients.iter().map(|client| client.time_to_live()).min();
    shortest.map(|time_to_live| (time_to_live / 16).clamp(EVERY.0, EVERY.1))
}

fn give_back_until(clients: &[Arc<dyn GivesBack>], mut excess: Sums) -> bool {
    if excess == Sums::default() {
        return false;
    }
    let now = Moment::now();
    let mut idle: Vec<_> = clients
        .iter()
        .flat_map(|client| client.idle().into_iter().map(move |idle| (client, idle)))
        .filter(|(_, idle)| now.since(idle.last_used) >= GRACE)
        .collect();
    // The least recently used is taken first, from the end.
    idle.sort_by_key(|(_, idle)| Reverse(idle.last_used));
    let mut any = false;
    while let Some((client, idle)) = idle.pop() {
        let share = idle.purpose.sums(idle.bytes);
        let helps = share.memory.min(excess.memory) + share.registered.min(excess.registered) > 0;
        if helps && client.give_back(&idle) {
            any = true;
            excess.memory = excess.memory.saturating_sub(share.memory);
            excess.registered = excess.registered.saturating_sub(share.registered);
        }
    }
    any
}

fn clients() -> Vec<Arc<dyn GivesBack>> {
    let mut state = CLIENTS.lock();
    state.clients.retain(|client| client.strong_count() > 0);
    state.clients.iter().filter_map(Weak::upgrade).collect()
}
