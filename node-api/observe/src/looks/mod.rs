//! Looking: once a second while somebody asks, however many, and not at all while nobody does.
//!
//! A thread of its own sleeps until somebody wants a look, takes one, no sooner than a second after the one before, and
//! hands it to all who wait. So a source that stands still holds up who asks, up to a deadline, and nothing else of the
//! server.
//!
//! Locks: a mutex over what is wanted, held for a store. Whoever looks holds none.

mod look;

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

pub(crate) use look::Look;
pub use look::{SERIES, STATE_BYTES};
use tokio::sync::watch;

use crate::{Source, own_thread::OwnThread};

/// From the beginning of a look to that of the next one, at least.
pub(crate) const CADENCE: Duration = Duration::from_secs(1);
/// How long a look may let those wait who ask.
const DEADLINE: Duration = Duration::from_secs(3);

pub(crate) type Latest = watch::Receiver<Option<Arc<Look>>>;
pub(crate) type Sources = Arc<[Arc<dyn Source>]>;

/// The thread that looks, and what it saw last.
#[derive(Debug)]
pub(crate) struct Looks {
    wanted: Arc<Wanted>,
    latest: Latest,
    sources: Names,
    thread: Mutex<Option<OwnThread>>,
}

/// The sources' names, and the place of the one that is being looked at.
#[derive(Clone, Debug)]
struct Names {
    names: Arc<[String]>,
    at: Arc<AtomicUsize>,
}

/// No look came in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no look for {} s: the source {source_name} does not come back; the others are not looked at meanwhile. See what it waits for, or leave it out",
    DEADLINE.as_secs()
)]
pub(crate) struct Overdue {
    pub(crate) source_name: String,
}

impl Looks {
    pub(crate) fn begin(sources: Sources) -> io::Result<Self> {
        let names = Names {
            names: sources
                .iter()
                .map(|source| source.name().to_owned())
                .collect(),
            at: Arc::default(),
        };
        let (seen, latest) = watch::channel(None);
        let wanted = Arc::new(Wanted::default());
        let (for_thread, at) = (Arc::clone(&wanted), Arc::clone(&names.at));
        let thread = OwnThread::begin("zenoh-pinned-look", move || {
            while for_thread.wait() {
                let began = Instant::now();
                let sources = sources.iter().map(|source| &**source);
                // Relaxed: a number for a message.
                let look = Look::at_all(sources, |index| at.store(index, Ordering::Relaxed));
                // Whoever has asked meanwhile gets this one.
                for_thread.settle(began + CADENCE);
                seen.send_replace(Some(Arc::new(look)));
            }
        })?;
        Ok(Self {
            wanted,
            latest,
            sources: names,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Where looks arrive.
    pub(crate) fn latest(&self) -> Latest {
        self.latest.clone()
    }

    /// The latest look, if it is younger than a second; else a new one.
    pub(crate) async fn fresh(&self, latest: &mut Latest) -> Result<Arc<Look>, Overdue> {
        let look = latest.borrow_and_update().clone();
        match look {
            Some(look) if look.began.elapsed() < CADENCE => Ok(look),
            _ => self.next(latest).await,
        }
    }

    /// The next look after the one that `latest` saw. May be dropped at any await.
    pub(crate) async fn next(&self, latest: &mut Latest) -> Result<Arc<Look>, Overdue> {
        self.wanted.want();
        let changed = tokio::time::timeout(CADENCE + DEADLINE, latest.changed()).await;
        let look = latest.borrow_and_update().clone();
        match (changed, look) {
            (Ok(Ok(())), Some(look)) => Ok(look),
            _ => Err(self.sources.overdue()),
        }
    }

    /// Ends the thread; waits that long for a look that is being taken.
    pub(crate) fn end(&self, deadline: Duration) {
        self.wanted.end();
        let thread = self.thread.lock();
        if let Some(thread) = thread.unwrap_or_else(PoisonError::into_inner).take() {
            thread.join_within(deadline);
        }
    }
}

impl Names {
    fn overdue(&self) -> Overdue {
        // Relaxed: see where it is stored.
        let at = self.names.get(self.at.load(Ordering::Relaxed));
        Overdue {
            source_name: at.cloned().unwrap_or_default(),
        }
    }
}

/// Whether a look is wanted, and when the next one may begin.
#[derive(Debug, Default)]
struct Wanted {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    wanted: bool,
    ended: bool,
    not_before: Option<Instant>,
}

impl Wanted {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn want(&self) {
        self.lock().wanted = true;
        self.changed.notify_one();
    }

    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_one();
    }

    fn settle(&self, not_before: Instant) {
        let mut state = self.lock();
        state.wanted = false;
        state.not_before = Some(not_before);
    }

    /// Sleeps until a look is to begin; false where none ever will.
    fn wait(&self) -> bool {
        let mut state = self.lock();
        loop {
            let early = state
                .not_before
                .map(|then| then.saturating_duration_since(Instant::now()));
            state = match early {
                _ if state.ended => return false,
                _ if !state.wanted => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(early) if !early.is_zero() => {
                    let woken = self.changed.wait_timeout(state, early);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                _ => return true,
            };
        }
    }
}
