//! Being told when another process ends.
//!
//! A thread sleeps on a file descriptor of each process (pidfd_open(2)), which the kernel makes readable when the last
//! thread of it has ended, however that came about; a stopped process has not ended. Where the kernel gives no such
//! descriptor (a sandbox, Linux before 5.3) the thread looks at `/proc` several times a second.
//!
//! Locks: one mutex around the list, held for list operations; nothing is called under it.

use std::{
    os::fd::OwnedFd,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

use super::{life::Life, per_process::PerProcess, waiting};

/// How often a process without a descriptor is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A process, by what names it for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Peer {
    /// Its number in this pid namespace.
    pub pid: u32,
    /// When it began, in clock ticks since boot.
    pub started: u64,
}

impl Peer {
    /// This process; `None` where `/proc` does not show it.
    pub fn this_process() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// The process that has this number now; `None` where `/proc` does not show it.
    pub fn of(pid: u32) -> Option<Self> {
        let started = super::process::start_time(pid)?;
        Some(Self { pid, started })
    }

    /// Whether it has ended, as far as can be seen.
    pub fn has_ended(self) -> bool {
        !Life::of(self.pid).may_be_since(self.started)
    }
}

struct Watched {
    number: u64,
    peer: Peer,
    descriptor: Option<OwnedFd>,
    at_end: Box<dyn FnOnce() + Send>,
}

impl Watched {
    /// As far as `/proc` shows, where there is no descriptor.
    fn has_ended_unseen(&self) -> bool {
        self.descriptor.is_none() && self.peer.has_ended()
    }
}

/// Ends the watching when it is dropped.
#[derive(Debug)]
pub struct Watch {
    number: u64,
}

#[derive(Default)]
struct State {
    watched: Vec<Watched>,
    is_running: bool,
}

static STATE: PerProcess<Mutex<State>> = PerProcess::new(Mutex::default);
/// Readable when the list has changed; `None` where no descriptor was left, and then the thread looks from time to time.
static CHANGED: PerProcess<Option<OwnedFd>> =
    PerProcess::new(|| eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok());

/// Calls `at_end` once `peer` has ended, on a thread of its own for all such calls, which has to be short; at once where
/// it has ended already.
pub fn watch(peer: Peer, at_end: impl FnOnce() + Send + 'static) -> Watch {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    // Relaxed: a number that nobody else has.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let pid = i32::try_from(peer.pid).ok().and_then(Pid::from_raw);
    let descriptor = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let watched = Watched {
        number,
        peer,
        descriptor,
        at_end: Box::new(at_end),
    };
    // After the descriptor was opened: a number that was given to another process since is seen here.
    if peer.has_ended() {
        (watched.at_end)();
        return Watch { number };
    }
    let mut state = STATE.lock();
    state.watched.push(watched);
    if !state.is_running {
        let thread = std::thread::Builder::new().name(String::from("zpin-peers"));
        // Without a thread an end is not seen; the next one tries again.
        state.is_running = thread.spawn(run).is_ok();
    }
    drop(state);
    announce_change();
    Watch { number }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A forked child has no thread and no list, and its parent's is not its to shorten.
        if !STATE.is_made_here() {
            return;
        }
        let mut state = STATE.lock();
        let at = state
            .watched
            .iter()
            .position(|watched| watched.number == self.number);
        let gone = at.map(|at| state.watched.swap_remove(at));
        drop(state);
        if gone.is_some() {
            announce_change();
        }
    }
}

fn announce_change() {
    if let Some(changed) = &*CHANGED {
        let _ = rustix::io::write(changed, &1u64.to_ne_bytes());
    }
}

fn run() {
    waiting::never_here();
    while let Some(ended) = wait_for_an_end() {
        for watched in ended {
            // A panic concerns this end only.
            let _ = catch_unwind(AssertUnwindSafe(watched.at_end));
        }
    }
}

/// Those that have ended, after some time; `None` where nobody is left to be watched.
fn wait_for_an_end() -> Option<Vec<Watched>> {
    // Copies, so that the list can change while this thread sleeps.
    let ended = {
        let mut state = STATE.lock();
        if state.watched.is_empty() {
            state.is_running = false;
            return None;
        }
        let watched = state.watched.iter();
        let copies = watched.map(|watched| {
            let copy = watched.descriptor.as_ref()?.try_clone().ok()?;
            Some((watched.number, copy))
        });
        let copies: Vec<_> = copies.collect();
        let all_have_one = copies.iter().all(Option::is_some) && CHANGED.is_some();
        let timeout = (!all_have_one).then_some(LOOK_EVERY);
        let copies: Vec<_> = copies.into_iter().flatten().collect();
        drop(state);
        sleep_until_readable(&copies, timeout)
    };
    let mut state = STATE.lock();
    let (ended, left) = std::mem::take(&mut state.watched)
        .into_iter()
        .partition(|watched| ended.contains(&watched.number) || watched.has_ended_unseen());
    state.watched = left;
    Some(ended)
}

/// Gives the numbers of those that have ended: a descriptor is readable only then, whatever `/proc` shows.
fn sleep_until_readable(watched: &[(u64, OwnedFd)], timeout: Option<Duration>) -> Vec<u64> {
    let descriptors = watched.iter().map(|(_, descriptor)| descriptor);
    let mut polled: Vec<_> = descriptors
        .chain(CHANGED.as_ref())
        .map(|descriptor| PollFd::new(descriptor, PollFlags::IN))
        .collect();
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let woken = poll(&mut polled, timeout.as_ref());
    if woken.is_err() {
        // Interrupted by a signal, or out of memory: not again at once.
        std::thread::sleep(Duration::from_millis(10));
    }
    if let Some(changed) = &*CHANGED {
        let mut count = [0; 8];
        let _ = rustix::io::read(changed, &mut count);
    }
    let readable = watched.iter().zip(&polled);
    let readable = readable.filter(|(_, polled)| polled.revents().contains(PollFlags::IN));
    readable.map(|((number, _), _)| *number).collect()
}

#[cfg(test)]
mod tests {
    use std::{process::Command, sync::mpsc::channel};

    use super::*;

    fn child() -> (std::process::Child, Peer) {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = child.id();
        let started = super::super::process::start_time(pid).unwrap();
        (child, Peer { pid, started })
    }

    #[test]
    fn the_end_of_a_process_is_told_once_and_not_of_those_that_live() {
        let (told, ends) = channel();
        let (mut first, first_peer) = child();
        let (mut second, second_peer) = child();
        let tell = |name: &'static str| {
            let told = told.clone();
            move || told.send(name).unwrap()
        };
        let _first = watch(first_peer, tell("first"));
        let _second = watch(second_peer, tell("second"));
        first.kill().unwrap();
        assert_eq!(ends.recv().unwrap(), "first");
        first.wait().unwrap();
        second.kill().unwrap();
        assert_eq!(ends.recv().unwrap(), "second");
        second.wait().unwrap();
        let _late = watch(second_peer, tell("late"));
        assert_eq!(ends.recv().unwrap(), "late");
        assert!(ends.try_recv().is_err());
    }

    #[test]
    fn nothing_is_told_of_a_process_that_is_watched_no_more() {
        let (told, ends) = channel();
        let (mut child, peer) = child();
        drop(watch(peer, move || told.send(()).unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(ends.recv().is_err(), "the closure has gone unused");
    }
}
