//! What a subscriber has received and not taken: frames in lanes of its inbox, and those that zenoh has brought.
//!
//! Locks: `taking` is held by whoever takes a frame, `state` for table operations under it and by zenoh's threads. No
//! payload is dropped under `state`, and nobody sleeps under either.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
    time::{Duration, Instant},
};

use zenoh::{
    key_expr::KeyExpr,
    sample::Sample,
    time::{NTP64, Timestamp, TimestampId},
};
use zenoh_pinned::{
    Frame, FrameError, Pinner,
    bindings::{
        line::{
            Bell, Delivery, Inbox, LaneOwner, LaneState, NoLine, Peer, Stamp, Watch, nanoseconds,
            watch,
        },
        trace::{self, TraceContext},
    },
};

use super::{
    ReceivedFrame,
    meeting::{
        Subscription, source_of,
        sources::{ByZenoh, Sources},
    },
};

pub(super) type Item = Result<ReceivedFrame, FrameError>;
type Source = (u128, u32);

/// How often a lane that its publisher overwrites meanwhile is tried in one go.
const TRIES: usize = 3;

/// Called when there may be something new, and when the session is closed.
pub(super) type Announce = Arc<dyn Fn() + Send + Sync>;

/// See the module's note.
pub(super) struct Receiving {
    inbox: Result<Inbox, NoLine>,
    /// Where there is no inbox.
    own_bell: Bell,
    pinner: Pinner,
    capacity: usize,
    announce: OnceLock<Announce>,
    taking: Mutex<()>,
    state: Mutex<State>,
    wakers: Mutex<Vec<Waker>>,
    /// How often something has arrived by zenoh.
    arrivals: AtomicU64,
    /// Whether the last wait was so short that the next one is better spent looking than asleep.
    comes_quickly: AtomicBool,
    subscription: OnceLock<Weak<Subscription>>,
    own: Weak<Self>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    sources: Sources,
    lanes: BTreeMap<usize, Met>,
    /// Of lanes that have ended, and of the queue.
    overrun: u64,
    is_closed: bool,
}

struct Queued {
    item: Item,
    source: Option<Source>,
    arrived_at: u64,
}

/// A lane with a publisher.
struct Met {
    owner: LaneOwner,
    key: KeyExpr<'static>,
    /// Set on the thread that is told of ends.
    is_dead: Arc<AtomicBool>,
    has_joined: bool,
    _watch: Option<Watch>,
}

impl Met {
    fn is_dead(&self) -> bool {
        // Relaxed: see `meet`.
        self.is_dead.load(Ordering::Relaxed)
    }
}

/// What there was to take.
pub(super) enum Taken {
    Item(Box<Item>),
    Nothing,
    Closed,
}

/// A publisher's line, as its subscriber sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LineFromPublisher {
    /// The publisher's process.
    pub pid: u32,
    /// Its key expression.
    pub key: String,
    /// Whether it says that nobody else publishes there.
    pub alone: bool,
    /// Frames that made room for newer ones unread.
    pub overwritten: u64,
}

impl Receiving {
    pub(super) fn new(inbox: Result<Inbox, NoLine>, pinner: Pinner, capacity: usize) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            inbox,
            own_bell: Bell::default(),
            pinner,
            capacity: capacity.max(1),
            announce: OnceLock::new(),
            taking: Mutex::default(),
            state: Mutex::default(),
            wakers: Mutex::default(),
            arrivals: AtomicU64::new(0),
            comes_quickly: AtomicBool::new(false),
            subscription: OnceLock::new(),
            own: own.clone(),
        })
    }

    pub(super) fn subscribed_by(&self, subscription: &Arc<Subscription>) {
        let _ = self.subscription.set(Arc::downgrade(subscription));
    }

    pub(super) fn inbox(&self) -> Result<&Inbox, &NoLine> {
        self.inbox.as_ref()
    }

    pub(super) fn bell(&self) -> &Bell {
        self.inbox.as_ref().map_or(&self.own_bell, Inbox::bell)
    }

    /// On zenoh's receive thread.
    pub(super) fn came_by_zenoh(&self, sample: Sample) {
        let source = sample
            .source_info()
            .map(|info| (source_of(info.source_id()), info.source_sn()));
        if let Some((source, number)) = source {
            let mut state = self.lock();
            self.meet_and_part(&mut state);
            // A publisher closes its lane before it puts what the lane does not have.
            let end_of = |lane| {
                let inbox = self.inbox.as_ref().ok()?;
                (inbox.state(lane) != LaneState::Open).then(|| inbox.end(lane))
            };
            let came = state.sources.came_by_zenoh(source, number, end_of);
            if came == ByZenoh::Late {
                state.overrun = state.overrun.saturating_add(1);
            }
            if came != ByZenoh::Deliver {
                let joined = self.newly_joined(&mut state);
                drop(state);
                self.tell_joined(joined);
                return;
            }
        }
        let item = received(&sample, &self.pinner);
        let oldest = {
            let mut state = self.lock();
            let oldest = match state.queue.len() >= self.capacity {
                true => state.queue.pop_front(),
                false => None,
            };
            if let Some(oldest) = &oldest {
                state.overrun += 1;
                if let Some(source) = oldest.source {
                    state.sources.was_taken(source);
                }
            }
            state.queue.push_back(Queued {
                item,
                source: source.map(|(source, _)| source),
                arrived_at: nanoseconds(),
            });
            oldest
        };
        // Relaxed: only compared with what it was; the bell orders.
        self.arrivals.fetch_add(1, Ordering::Relaxed);
        self.tell();
        // Not under the lock: dropping a frame may wake its producer.
        drop(oldest);
    }

    /// After this nothing comes any more; what waits can still be taken.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        if let Ok(inbox) = &self.inbox {
            inbox.refuse_more();
        }
        self.tell();
    }

    fn tell(&self) {
        self.bell().ring();
        self.announce();
    }

    /// Wakes the tasks that wait, and calls whoever wants to know.
    pub(super) fn announce(&self) {
        let wakers = std::mem::take(&mut *lock(&self.wakers));
        wakers.into_iter().for_each(Waker::wake);
        if let Some(announce) = self.announce.get() {
            announce();
        }
    }

    /// Calls `announce` from now on, if nobody is called yet.
    pub(super) fn announce_to(&self, announce: Announce) {
        let _ = self.announce.set(announce);
    }

    /// Wakes this task when there may be something new.
    pub(super) fn wake_later(&self, waker: &Waker) {
        let mut wakers = lock(&self.wakers);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    /// A number that changes whenever something arrives.
    pub(super) fn arrivals(&self) -> u64 {
        let by_zenoh = self.arrivals.load(Ordering::Relaxed);
        let by_lanes = self.inbox.as_ref().map_or(0, Inbox::arrivals);
        by_zenoh.wrapping_add(by_lanes)
    }

    /// Whether there is something to take, or the end to be told.
    pub(super) fn has_something(&self) -> bool {
        let mut state = self.lock();
        self.meet_and_part(&mut state);
        !state.queue.is_empty() || state.is_closed || self.lanes_to_take(&state).next().is_some()
    }

    /// Whether frames have come so quickly that sleeping costs more than looking.
    pub(super) fn comes_quickly(&self) -> bool {
        // Relaxed: a guess.
        self.comes_quickly.load(Ordering::Relaxed)
    }

    pub(super) fn set_comes_quickly(&self, quickly: bool) {
        self.comes_quickly.store(quickly, Ordering::Relaxed);
    }

    /// How long a reader may sleep at most.
    pub(super) fn longest_sleep(&self) -> Duration {
        let patience = self.lock().sources.next_patience(Instant::now());
        patience.map_or(Duration::MAX, |left| left.max(Duration::from_millis(1)))
    }

    /// Takes the oldest of what may be taken.
    pub(super) fn take(&self) -> Taken {
        let _taking = lock(&self.taking);
        let Ok(inbox) = &self.inbox else {
            return self.take_queued(self.lock());
        };
        for _ in 0..TRIES {
            let mut state = self.lock();
            self.meet_and_part(&mut state);
            let Some(lane) = self.next_lane(&state) else {
                return self.take_queued(state);
            };
            state.sources.begins(lane);
            let met = state.lanes.get(&lane);
            let met = met.map(|met| (met.key.clone(), met.owner.source));
            let joined = self.newly_joined(&mut state);
            drop(state);
            self.tell_joined(joined);
            match inbox.take(lane, &self.pinner) {
                Ok(Some(delivery)) => return Taken::Item(Box::new(delivered(met, delivery))),
                // Its publisher was quicker.
                Ok(None) => {}
                Err(_) => self.part(&mut self.lock(), lane),
            }
        }
        Taken::Nothing
    }

    fn take_queued(&self, mut state: MutexGuard<'_, State>) -> Taken {
        match state.queue.pop_front() {
            Some(queued) => {
                if let Some(source) = queued.source {
                    state.sources.was_taken(source);
                }
                Taken::Item(Box::new(queued.item))
            }
            None if state.is_closed => {
                drop(state);
                // What a publisher has put since is nobody's.
                if let Ok(inbox) = &self.inbox {
                    inbox.close();
                }
                Taken::Closed
            }
            None => Taken::Nothing,
        }
    }

    /// The lane to take from next; `None` where it is the queue's turn.
    fn next_lane(&self, state: &State) -> Option<usize> {
        let lanes = self.lanes_to_take(state);
        let oldest = lanes.min_by_key(|(_, put_at)| *put_at);
        let queued = state.queue.front();
        // What came by zenoh after a lane's end waits for the lane.
        let waits_for = queued.and_then(|queued| state.sources.waits_for_lane(queued.source?));
        match (oldest, queued) {
            (Some((lane, _)), None) => Some(lane),
            (Some((lane, put_at)), Some(queued)) => {
                waits_for.or((put_at < queued.arrived_at).then_some(lane))
            }
            (None, _) => None,
        }
    }

    /// Lanes that have something that may be handed out, and when that was put.
    fn lanes_to_take<'a>(&'a self, state: &'a State) -> impl Iterator<Item = (usize, u64)> + 'a {
        let inboxes = self.inbox.iter();
        inboxes.flat_map(move |inbox| {
            state.lanes.keys().filter_map(move |lane| {
                let put_at = inbox.oldest_put_at(*lane)?;
                state
                    .sources
                    .may_take(*lane, Instant::now)
                    .then_some((*lane, put_at))
            })
        })
    }

    /// Notices lanes that have opened, and those that have ended and are empty.
    fn meet_and_part(&self, state: &mut State) {
        let Ok(inbox) = &self.inbox else {
            return;
        };
        inbox.release_left_behind();
        for lane in inbox.lanes() {
            let is_met = state.lanes.contains_key(&lane);
            match inbox.state(lane) {
                LaneState::Open | LaneState::Closed if !is_met => self.meet(state, inbox, lane),
                LaneState::Free | LaneState::Abandoned if is_met => self.part(state, lane),
                LaneState::Open if state.lanes.get(&lane).is_some_and(|met| !met.is_dead()) => {}
                LaneState::Open | LaneState::Closed if !inbox.has_unread(lane) => {
                    self.part(state, lane);
                }
                _ => {}
            }
        }
    }

    fn meet(&self, state: &mut State, inbox: &Inbox, lane: usize) {
        // What cannot be told from nonsense has been given up.
        let Ok(owner) = inbox.meet(lane) else {
            return;
        };
        let Ok(key) = KeyExpr::new(owner.key.clone()).map(KeyExpr::into_owned) else {
            inbox.give_up(lane);
            return;
        };
        let by_zenoh = self
            .subscription()
            .is_none_or(|subscription| subscription.stands());
        state
            .sources
            .opened(lane, owner.source, owner.first, by_zenoh, Instant::now());
        let own = self.own.clone();
        let is_other = Some(owner.process) != Peer::this_process();
        let is_dead = Arc::new(AtomicBool::new(false));
        let watch = is_other.then(|| {
            let is_dead = is_dead.clone();
            watch(owner.process, move || {
                // Relaxed: a flag; what the dead process wrote is read from the lane.
                is_dead.store(true, Ordering::Relaxed);
                if let Some(receiving) = own.upgrade() {
                    receiving.somebody_has_died();
                }
            })
        });
        tracing::debug!(key = owner.key, pid = owner.process.pid, "a line is open");
        let met = Met {
            owner,
            key,
            is_dead,
            has_joined: false,
            _watch: watch,
        };
        state.lanes.insert(lane, met);
    }

    /// On the thread that is told of ends, or at once.
    fn somebody_has_died(&self) {
        // A thread, because the state may be locked by the very call that began to watch. Without one it is seen by who
        // looks next, which a reader that sleeps does every second.
        let own = self.own.clone();
        let tell = move || {
            if let Some(receiving) = own.upgrade() {
                receiving.meet_and_part(&mut receiving.lock());
                receiving.tell();
            }
        };
        let thread = std::thread::Builder::new().name(String::from("zpin-meeting"));
        let _ = thread.spawn(tell);
    }

    /// A lane has ended, and is empty or abandoned.
    fn part(&self, state: &mut State, lane: usize) {
        let Ok(inbox) = &self.inbox else {
            return;
        };
        let Some(met) = state.lanes.remove(&lane) else {
            return;
        };
        // Saturating: whoever writes into the inbox chooses the number.
        state.overrun = state.overrun.saturating_add(inbox.overwritten(lane));
        state.sources.ended(lane, inbox.end(lane));
        tracing::debug!(
            key = met.owner.key,
            pid = met.owner.process.pid,
            "a line has ended"
        );
        if let Some(subscription) = self.subscription() {
            subscription.set_joined(met.owner.source, false);
        }
        // A publisher that lives and has not closed its lane may still write there.
        if met.is_dead() || inbox.state(lane) == LaneState::Closed {
            inbox.release(lane);
        }
    }

    /// Publishers that are alone on their key and whose lanes have all their frames from now on.
    fn newly_joined(&self, state: &mut State) -> Vec<Source> {
        let State { lanes, sources, .. } = state;
        let mut joined = Vec::new();
        for (lane, met) in lanes {
            if !met.has_joined && sources.has_joined(*lane) {
                met.has_joined = true;
                if met.owner.alone {
                    joined.push(met.owner.source);
                }
            }
        }
        joined
    }

    fn tell_joined(&self, joined: Vec<Source>) {
        if joined.is_empty() {
            return;
        }
        if let Some(subscription) = self.subscription() {
            for source in joined {
                subscription.set_joined(source, true);
            }
        }
    }

    fn subscription(&self) -> Option<Arc<Subscription>> {
        self.subscription.get()?.upgrade()
    }

    /// How many frames made room for newer ones.
    pub(super) fn overrun(&self) -> u64 {
        let mut state = self.lock();
        self.meet_and_part(&mut state);
        let inbox = self.inbox.iter();
        let of_lanes =
            inbox.flat_map(|inbox| state.lanes.keys().map(|lane| inbox.overwritten(*lane)));
        of_lanes.fold(state.overrun, u64::saturating_add)
    }

    pub(super) fn lines(&self) -> Vec<LineFromPublisher> {
        let mut state = self.lock();
        self.meet_and_part(&mut state);
        let Ok(inbox) = &self.inbox else {
            return Vec::new();
        };
        let lines = state.lanes.iter().map(|(lane, met)| LineFromPublisher {
            pid: met.owner.process.pid,
            key: met.owner.key.clone(),
            alone: met.owner.alone,
            overwritten: inbox.overwritten(*lane),
        });
        lines.collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `met`: the lane's publisher and its key when the lane was chosen, as its last frame may be followed by its end at any
/// moment.
fn delivered(met: Option<(KeyExpr<'static>, Source)>, delivery: Delivery) -> Item {
    let (key, (session, publisher)) = met.ok_or(FrameError::Invalidated)?;
    let frame = delivery.frame?;
    let trace = trace::begin_at(delivery.put_at).map(|began| {
        let of = TraceContext::of_frame(session, publisher, delivery.number as u32);
        trace::tell_received(began, of, &key, frame.len())
    });
    Ok(ReceivedFrame {
        frame: frame.in_trace(trace),
        key,
        attachment: delivery.attachment.map(Into::into),
        timestamp: delivery.stamp.and_then(timestamp),
    })
}

fn received(sample: &Sample, pinner: &Pinner) -> Item {
    let began = trace::begin();
    let frame = Frame::from_payload(sample.payload(), pinner)?;
    // Of frames that another library has put nothing is known but that they are here.
    let trace = began.zip(sample.source_info()).map(|(began, info)| {
        let (session, publisher) = source_of(info.source_id());
        let of = TraceContext::of_frame(session, publisher, info.source_sn());
        trace::tell_received(began, of, sample.key_expr(), frame.len())
    });
    Ok(ReceivedFrame {
        key: sample.key_expr().clone().into_owned(),
        attachment: sample.attachment().cloned(),
        timestamp: sample.timestamp().copied(),
        frame: frame.in_trace(trace),
    })
}

fn timestamp(stamp: Stamp) -> Option<Timestamp> {
    let clock = TimestampId::try_from(&stamp.clock.to_le_bytes()[..]).ok()?;
    Some(Timestamp::new(NTP64(stamp.time), clock))
}

pub(super) fn stamp(timestamp: &Timestamp) -> Stamp {
    Stamp {
        time: timestamp.get_time().as_u64(),
        clock: u128::from_le_bytes(timestamp.get_id().to_le_bytes()),
    }
}

impl std::fmt::Debug for Receiving {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Receiving")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
