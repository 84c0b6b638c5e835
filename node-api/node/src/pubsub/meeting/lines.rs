//! A publisher's lines: opened as subscribers' tokens appear, and the number of its next frame.
//!
//! Locks: one mutex around the number and the list, held while one frame is handed to all, so that every lane has the
//! frames in one order, and while a lane is opened. Never while a subscriber is waited for, nor while zenoh is called.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use zenoh::{bytes::ZBytes, key_expr::OwnedKeyExpr};
use zenoh_pinned::bindings::line::{LaneOwner, Line, NoLine, Outgoing, Overflow, Peer, Stamp};

use super::token::{InboxToken, Source};

/// How many subscribers without a line are remembered, with the reason.
const REMEMBERED: usize = 64;

/// What stands between a publisher and one subscriber of ours.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LineToSubscriber {
    /// The subscriber's process, where it is on this host.
    pub pid: Option<u32>,
    /// Frames that it has not read yet.
    pub unread: u64,
    /// Frames that made room for newer ones unread.
    pub overwritten: u64,
    /// What the subscriber has chosen for a full lane.
    pub overflow: Overflow,
    /// Why its frames go by zenoh; `None` where they go by the line.
    pub reason: Option<NoLine>,
}

impl LineToSubscriber {
    /// Whether frames go by the line.
    pub fn is_open(&self) -> bool {
        self.reason.is_none()
    }
}

/// See the module's note.
#[derive(Debug)]
pub(in crate::pubsub) struct Lines {
    key: OwnedKeyExpr,
    source: Source,
    process: Option<Peer>,
    alone: bool,
    /// Whether zenoh knows of a subscriber that needs a put.
    is_matched: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    lines: Vec<Arc<Line>>,
    /// Subscribers without a line, by their tokens.
    without: BTreeMap<String, Without>,
    /// Why there are no lines any more.
    off: Option<NoLine>,
}

#[derive(Debug)]
struct Without {
    /// Of a subscriber on this host.
    pid: Option<u32>,
    reason: NoLine,
}

/// A frame that the lines have taken.
pub(in crate::pubsub) struct Handed {
    pub(in crate::pubsub) number: u64,
    /// Whether it has to be put as well.
    pub(in crate::pubsub) needs_put: bool,
}

/// Why a frame was handed to nobody.
#[derive(Debug)]
pub(in crate::pubsub) enum NotHanded {
    /// This process's subscriber has had no room for all of the time.
    Full { pid: u32 },
    /// The wait was ended from outside.
    Interrupted,
    /// The publisher is alone, and this frame cannot go by lines.
    OnlyByZenoh(NoLine),
}

impl Lines {
    /// `off`: why there are to be no lines.
    pub(in crate::pubsub) fn new(
        key: OwnedKeyExpr,
        source: Source,
        alone: bool,
        off: Option<NoLine>,
    ) -> Self {
        Self {
            key,
            source,
            process: Peer::this_process(),
            alone: alone && off.is_none(),
            is_matched: AtomicBool::new(true),
            state: Mutex::new(State {
                off,
                ..State::default()
            }),
        }
    }

    /// Whether the publisher is alone on its key, and lines are possible.
    pub(in crate::pubsub) fn is_alone(&self) -> bool {
        self.alone
    }

    /// Whether zenoh knows of a subscriber that needs a put.
    pub(in crate::pubsub) fn set_matched(&self, is_matched: bool) {
        // Relaxed: a put that is left out or made at that very moment is as good as one a moment before or after.
        self.is_matched.store(is_matched, Ordering::Relaxed);
    }

    /// A subscriber's token has appeared.
    pub(in crate::pubsub) fn appeared(&self, token: &str) {
        let text = token;
        let mut state = self.lock();
        let token = match InboxToken::parse(text) {
            Ok(token) => token,
            // On what key it subscribes nobody can tell.
            Err(reason) => return state.remember(text, None, reason),
        };
        let pid = token.address.reader().pid;
        if !self.key.intersects(&token.key) {
            return;
        }
        if token.session == self.source.0 {
            return state.remember(text, Some(pid), NoLine::SameSession);
        }
        if state
            .lines
            .iter()
            .any(|line| line.address() == token.address)
        {
            return;
        }
        let opened = match (&state.off, self.process) {
            (Some(reason), _) => Err(reason.clone()),
            (None, None) => Err(NoLine::Nowhere),
            (None, Some(process)) => Line::open(
                token.address,
                &LaneOwner {
                    process,
                    source: self.source,
                    key: self.key.to_string(),
                    alone: self.alone,
                    first: state.next,
                },
            ),
        };
        match opened {
            Ok(line) => {
                tracing::debug!(key = %self.key, pid, "a line is open");
                state.without.remove(text);
                state.lines.push(Arc::new(line));
            }
            Err(reason) => {
                tracing::debug!(key = %self.key, %reason, "no line to a subscriber");
                let is_here = reason != NoLine::OtherHost;
                state.remember(text, is_here.then_some(pid), reason);
            }
        }
    }

    /// A subscriber's token has gone. Its line ends by itself, if it has one.
    pub(in crate::pubsub) fn disappeared(&self, token: &str) {
        self.lock().without.remove(token);
    }

    /// Hands a frame to all subscribers that have a line, waiting up to `patience` for those that refuse to lose any.
    pub(in crate::pubsub) fn hand_over(
        &self,
        payload: &ZBytes,
        attachment: Option<&ZBytes>,
        stamp: Option<Stamp>,
        is_foreign: bool,
        patience: Duration,
    ) -> Result<Handed, NotHanded> {
        let started = Instant::now();
        let mut state = self.state_with_room(|| patience.saturating_sub(started.elapsed()))?;
        let mut ended = Vec::new();
        if !state.lines.is_empty() {
            match Outgoing::new(payload, attachment, stamp, is_foreign) {
                Ok(frame) => {
                    let put = |line: &Arc<Line>| {
                        line.put(&frame).map_err(|reason| (line.clone(), reason))
                    };
                    ended.extend(state.lines.iter().map(put).filter_map(Result::err));
                }
                Err(reason) if self.alone => return Err(NotHanded::OnlyByZenoh(reason)),
                Err(reason) => {
                    // From here on zenoh alone has the frames, in order: see the table of `meeting`.
                    tracing::warn!(key = %self.key, %reason, "the lines of a publisher are closed");
                    state.off = Some(reason.clone());
                    let lines = state.lines.iter();
                    ended.extend(lines.map(|line| (line.clone(), reason.clone())));
                }
            }
        }
        let number = state.next;
        state.next += 1;
        for (line, reason) in &ended {
            tracing::debug!(key = %self.key, %reason, "a line has ended");
            state.lines.retain(|known| !Arc::ptr_eq(known, line));
        }
        drop(state);
        drop(ended);
        Ok(Handed {
            number,
            // Relaxed: see `set_matched`.
            needs_put: !self.alone || self.is_matched.load(Ordering::Relaxed),
        })
    }

    /// The state, while no line would refuse a frame.
    fn state_with_room(
        &self,
        left: impl Fn() -> Duration,
    ) -> Result<MutexGuard<'_, State>, NotHanded> {
        loop {
            let state = self.lock();
            let full = state.lines.iter().find(|line| !line.has_room()).cloned();
            let Some(line) = full else {
                return Ok(state);
            };
            drop(state);
            if !line.wait_for_room(left()) {
                // Nobody is too slow who was not given all of the time.
                let pid = line.address().reader().pid;
                return Err(match zenoh_pinned::bindings::is_interrupted() {
                    true => NotHanded::Interrupted,
                    false => NotHanded::Full { pid },
                });
            }
        }
    }

    /// What stands between the publisher and each subscriber of ours.
    pub(in crate::pubsub) fn list(&self) -> Vec<LineToSubscriber> {
        let state = self.lock();
        let lines = state.lines.iter().map(|line| LineToSubscriber {
            pid: Some(line.address().reader().pid),
            unread: line.unread(),
            overwritten: line.overwritten(),
            overflow: line.overflow(),
            reason: line.ended(),
        });
        let without = state.without.values().map(|without| LineToSubscriber {
            pid: without.pid,
            unread: 0,
            overwritten: 0,
            overflow: Overflow::DropOldest,
            reason: Some(without.reason.clone()),
        });
        lines.chain(without).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, token: &str, pid: Option<u32>, reason: NoLine) {
        if self.without.len() < REMEMBERED || self.without.contains_key(token) {
            self.without
                .insert(token.to_owned(), Without { pid, reason });
        }
    }
}
