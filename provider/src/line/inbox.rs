//! The reader's side: an inbox, what lies in its lanes, and the buffers that come out.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use zenoh::shm::ShmClientStorage;

use super::{
    InboxAddress, NoLine, Overflow, Stamp,
    bell::{Bell, Listening},
    descriptor::{Reader, Unreadable},
    entry::{self, Content, Entry},
    layout::{LANES, Lane, MAX_CAPACITY, Mapped, Phase, State, Terms},
};
use crate::{
    budget::{self, Purpose},
    figures,
    frame::{Frame, FrameError},
    os::{self, host::Whereabouts, mutex, peers::Peer, per_process::MadeHere},
    pinner::Pinner,
    segment::Segment,
};

/// What a publisher says of itself in its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneOwner {
    /// Its process.
    pub process: Peer,
    /// The zenoh entity: the session's id, and the publisher's number in it.
    pub source: (u128, u32),
    /// Its key expression.
    pub key: String,
    /// Whether it says that nobody else publishes there.
    pub alone: bool,
    /// The number of the first frame that goes by this lane.
    pub first: u64,
}

/// What a lane is to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// Nobody's, or not yet described.
    Free,
    /// A publisher writes there.
    Open,
    /// Its publisher writes no more. What is unread can still be taken.
    Closed,
    /// Nothing is read there any more, as what was found cannot be; its publisher may not have noticed.
    Abandoned,
}

/// A frame out of a lane, and what came with it.
#[derive(Debug)]
pub struct Delivery {
    /// The frame, or why there is none.
    pub frame: Result<Frame, FrameError>,
    /// The publisher's number of it.
    pub number: u64,
    /// What was put beside it.
    pub attachment: Option<Vec<u8>>,
    /// The publisher's timestamp.
    pub stamp: Option<Stamp>,
    /// When it was put, in nanoseconds of the monotonic clock, as its publisher says.
    pub put_at: u64,
}

/// A subscriber's end of its lines. Usable from any thread; who takes frames does so one at a time.
#[derive(Debug)]
pub struct Inbox {
    mapped: Mapped,
    address: InboxAddress,
    reader: Reader,
    /// Of each lane, while somebody is at it.
    lanes: [Mutex<Known>; LANES],
    made_here: MadeHere,
    _share: budget::HostShare,
}

/// What the reader remembers of a lane, because the publisher could change what is written there.
#[derive(Debug, Default)]
struct Known {
    first: u64,
    /// How many entries were taken or found overwritten.
    position: u64,
    overwritten: u64,
    abandoned: bool,
}

impl Inbox {
    /// Makes an inbox whose lanes have room for `capacity` unread frames each. `clients` attach what is received.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn new(
        capacity: usize,
        overflow: Overflow,
        clients: Arc<ShmClientStorage>,
    ) -> Result<Self, NoLine> {
        if let Some(reason) = crate::availability::without_shared_memory() {
            return Err(NoLine::NoSharedMemory(reason));
        }
        let whereabouts = Whereabouts::of_this_process().ok_or(NoLine::Nowhere)?;
        let reader = Peer::this_process().ok_or(NoLine::Nowhere)?;
        let capacity = u32::try_from(capacity)
            .unwrap_or(MAX_CAPACITY)
            .clamp(1, MAX_CAPACITY);
        let detail = |detail: String| NoLine::Inbox { detail };
        let layout = Mapped::segment_layout(capacity).ok_or(NoLine::Corrupt)?;
        let bytes = layout.total_bytes() as u64;
        let share = budget::take_from_host(Purpose::Segment, bytes, budget::host_limit(None))
            .map_err(|refused| detail(crate::segment::SegmentError::from(refused).to_string()))?;
        let segment =
            Segment::create("inbox", layout).map_err(|error| detail(error.to_string()))?;
        let nonce = os::random().map_err(|error| detail(error.to_string()))?;
        let nonce = u64::from_ne_bytes(nonce);
        let mapped = Mapped::new(segment, capacity).ok_or(NoLine::Corrupt)?;
        mapped.head().write(Terms {
            capacity,
            overflow,
            nonce,
        });
        let address = InboxAddress {
            whereabouts,
            reader,
            segment: mapped.segment().id(),
            nonce,
        };
        Ok(Self {
            mapped,
            address,
            reader: Reader::new(clients),
            lanes: Default::default(),
            made_here: MadeHere::now(),
            _share: share,
        })
    }

    /// Where publishers find it.
    pub fn address(&self) -> InboxAddress {
        self.address
    }

    /// What the reader sleeps on.
    pub fn bell(&self) -> &Bell {
        &self.mapped.head().bell
    }

    /// The numbers of lanes.
    pub fn lanes(&self) -> std::ops::Range<usize> {
        0..LANES
    }

    /// What a lane is.
    pub fn state(&self, lane: usize) -> LaneState {
        match self.mapped.lane(lane).and_then(Lane::state) {
            Some(State {
                phase: Phase::Open, ..
            }) => LaneState::Open,
            Some(State {
                phase: Phase::Closed,
                ..
            }) if self.known(lane).is_some_and(|known| known.abandoned) => {
                self.release(lane);
                LaneState::Free
            }
            Some(State {
                phase: Phase::Closed,
                ..
            }) => LaneState::Closed,
            Some(State {
                phase: Phase::Free | Phase::Opening,
                ..
            }) => LaneState::Free,
            Some(State {
                phase: Phase::Abandoned,
                ..
            })
            | None => LaneState::Abandoned,
        }
    }

    /// Begins to read a lane that has come to be open: who writes there.
    ///
    /// # Errors
    /// [`NoLine::Corrupt`]: what stands there cannot be; the lane is abandoned.
    pub fn meet(&self, lane: usize) -> Result<LaneOwner, NoLine> {
        let mut known = self.known(lane).ok_or(NoLine::Corrupt)?;
        let shared = self.mapped.lane(lane).ok_or(NoLine::Corrupt)?;
        // Relaxed: written before the state said that the lane is open.
        let relaxed = std::sync::atomic::Ordering::Relaxed;
        let owner = shared.state().zip(shared.read_key()).map(|(state, key)| {
            let [low, high] = [0, 1].map(|half| u128::from(shared.source[half].load(relaxed)));
            LaneOwner {
                process: Peer {
                    pid: state.pid,
                    started: shared.started.load(relaxed),
                },
                source: (high << 64 | low, shared.entity.load(relaxed)),
                key,
                alone: shared.alone.load(relaxed) == 1,
                first: shared.first.load(relaxed),
            }
        });
        // A number that grows beyond its type is nobody's.
        let owner = owner.filter(|owner| owner.first < u64::MAX / 2);
        match owner {
            Some(owner) => {
                *known = Known {
                    first: owner.first,
                    ..Known::default()
                };
                Ok(owner)
            }
            None => {
                self.abandon(shared, &mut known);
                Err(NoLine::Corrupt)
            }
        }
    }

    /// When the oldest unread frame of a lane was put, in nanoseconds of the monotonic clock; `None` where there is none.
    pub fn oldest_put_at(&self, lane: usize) -> Option<u64> {
        let shared = self.mapped.lane(lane)?;
        let capacity = self.mapped.capacity();
        let look = |position| self.mapped.entry(lane, position).map_or(0, entry::put_at);
        // What is corrupt is told by `take`.
        match shared.ring.peek(capacity, look) {
            Ok(put_at) => put_at,
            Err(_) => Some(0),
        }
    }

    /// A number that changes with every entry that is written.
    pub fn arrivals(&self) -> u64 {
        let lanes = self.lanes().filter_map(|lane| self.mapped.lane(lane));
        lanes.fold(0, |sum, lane| sum.wrapping_add(lane.ring.written()))
    }

    /// Whether a lane has something unread.
    pub fn has_unread(&self, lane: usize) -> bool {
        self.oldest_put_at(lane).is_some()
    }

    /// Takes the oldest unread frame of a lane; `None` where there is none, or where the publisher overwrites faster than
    /// can be read.
    ///
    /// # Errors
    /// [`NoLine::Corrupt`]: the lane is abandoned, and nothing more comes out of it.
    pub fn take(&self, lane: usize, pinner: &Pinner) -> Result<Option<Delivery>, NoLine> {
        let mut known = self.known(lane).ok_or(NoLine::Corrupt)?;
        let shared = self.mapped.lane(lane).ok_or(NoLine::Corrupt)?;
        if known.abandoned {
            return Ok(None);
        }
        let copy = |position| self.mapped.entry(lane, position).and_then(Entry::read);
        let (position, entry) = match shared.ring.claim(self.mapped.capacity(), copy) {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return Ok(None),
            Err(_) => return Err(self.abandon(shared, &mut known)),
        };
        let missing = position.checked_sub(known.position);
        let (Some(missing), Some(entry)) = (missing, entry) else {
            shared.ring.done(position);
            return Err(self.abandon(shared, &mut known));
        };
        known.overwritten += missing;
        known.position = position + 1;
        let (buffer, bytes) = match entry.content {
            Content::Buffer(descriptor) => (Some(self.reader.read(descriptor)), Vec::new()),
            Content::Bytes(bytes) => (None, bytes),
        };
        shared.ring.done(position);
        shared.room.ring();
        // A clock of the future is somebody's nonsense, and says nothing.
        if let Some(nanoseconds) = os::clock::nanoseconds().checked_sub(entry.put_at) {
            figures::count_hand_over(nanoseconds);
        }
        let frame = match buffer {
            None => Ok(Frame::from_bytes(bytes, pinner)),
            Some(Ok(buffer)) => Frame::from_buffer(buffer, pinner),
            Some(Err(Unreadable::Gone)) => Err(FrameError::Invalidated),
            Some(Err(Unreadable::NotAttached(detail))) => Err(FrameError::NotAttached { detail }),
            Some(Err(Unreadable::Nonsense)) => return Err(self.abandon(shared, &mut known)),
        };
        Ok(Some(Delivery {
            frame,
            number: known.first.wrapping_add(position),
            attachment: entry.attachment,
            stamp: entry.stamp,
            put_at: entry.put_at,
        }))
    }

    /// The number of the first frame that a lane did not carry, as its publisher says.
    pub fn end(&self, lane: usize) -> u64 {
        let known = self.known(lane).map_or(0, |known| known.first);
        let written = self.mapped.lane(lane).map(|lane| lane.ring.written());
        known.wrapping_add(written.unwrap_or(0))
    }

    /// How many frames of a lane its publisher has overwritten unread.
    pub fn overwritten(&self, lane: usize) -> u64 {
        let (Some(shared), Some(known)) = (self.mapped.lane(lane), self.known(lane)) else {
            return 0;
        };
        // Nobody takes a frame now, so whatever is claimed beyond the reader's position was overwritten.
        let unnoticed = shared.ring.claimed().saturating_sub(known.position);
        known.overwritten.saturating_add(unnoticed)
    }

    /// Reads no more of a lane, as what stands there cannot be. Its publisher may still write, so it is not given back
    /// before that has noticed or ended.
    pub fn give_up(&self, lane: usize) {
        if let (Some(shared), Some(mut known)) = (self.mapped.lane(lane), self.known(lane)) {
            self.abandon(shared, &mut known);
        }
    }

    /// Gives a lane back that has nothing unread and whose publisher has closed it or is dead.
    pub fn release(&self, lane: usize) {
        if let (Some(shared), Some(mut known)) = (self.mapped.lane(lane), self.known(lane)) {
            *known = Known::default();
            shared.make_free();
        }
    }

    /// Gives lanes back that nobody else will, if there are no others left: of publishers that died while they described
    /// themselves, or that did not notice before their end that nothing was read any more.
    pub fn release_left_behind(&self) {
        let state = |lane: usize| self.mapped.lane(lane)?.state();
        let is_free = |lane| state(lane).is_some_and(|state| state.phase == Phase::Free);
        if self.lanes().any(is_free) {
            return;
        }
        for lane in self.lanes() {
            if let Some(State {
                phase: Phase::Opening | Phase::Abandoned,
                pid,
                ..
            }) = state(lane)
                && matches!(os::life::Life::of(pid), os::life::Life::Ended)
            {
                self.release(lane);
            }
        }
    }

    /// Says that no more is wanted: lines end, and what is unread can still be taken.
    pub fn refuse_more(&self) {
        if self.made_here.holds() {
            self.mapped.head().begin_to_close();
            self.wake_publishers();
        }
    }

    /// Says that nothing is read any more. What is unread goes back to its publishers.
    pub fn close(&self) {
        if self.made_here.holds() {
            self.mapped.head().close();
            self.wake_publishers();
        }
    }

    /// Those that wait for room find out that there is no need to.
    fn wake_publishers(&self) {
        let lanes = self.lanes().filter_map(|lane| self.mapped.lane(lane));
        lanes.for_each(|lane| lane.room.ring());
    }

    fn known(&self, lane: usize) -> Option<std::sync::MutexGuard<'_, Known>> {
        self.lanes.get(lane).map(mutex::lock)
    }

    fn abandon(&self, shared: &Lane, known: &mut Known) -> NoLine {
        known.abandoned = true;
        match shared.state() {
            // Nobody writes there any more.
            Some(State {
                phase: Phase::Closed,
                ..
            }) => {
                *known = Known::default();
                shared.make_free();
            }
            Some(state) => {
                let abandoned = State {
                    phase: Phase::Abandoned,
                    ..state
                };
                shared.change_state(state, abandoned);
            }
            None => {}
        }
        tracing::warn!(
            "a lane of an inbox was overwritten by another process, and is read no more"
        );
        NoLine::Corrupt
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.close();
    }
}

/// Sleeps until one of `bells` rings or `timeout` passes, unless `found` says that there is something already.
pub fn sleep_unless(bells: &[&Bell], timeout: Duration, mut found: impl FnMut() -> bool) {
    let listening: Vec<_> = bells.iter().map(|bell| bell.listen()).collect();
    if !found() {
        Listening::sleep(&listening, timeout);
    }
}
