//! The publisher's side: a lane of a subscriber's inbox, and the payloads that are kept for its reader.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use zenoh::bytes::ZBytes;

use super::{
    InboxAddress, LaneOwner, NoLine, Overflow, Stamp,
    bell::Listening,
    entry::{self, Content, Descriptor, Entry, MAX_ATTACHMENT_BYTES},
    layout::{KEY_BYTES, LANES, Lane, Mapped, Phase, State},
    ring::{Corrupt, Room},
};
use crate::{
    interruption::Interruption,
    os::{
        clock,
        host::Whereabouts,
        mutex,
        peers::{self, Watch},
        per_process::MadeHere,
    },
    pool::kept::{self, Keeps},
    segment::Segment,
};

/// How long a wait for room lasts before it is asked whether the caller wants it to end.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A frame that is about to be handed to readers: what the entries will say, found out once for all of them.
#[derive(Debug)]
pub struct Outgoing<'a> {
    payload: &'a ZBytes,
    content: Content<Cow<'a, [u8]>>,
    attachment: Option<Cow<'a, [u8]>>,
    stamp: Option<Stamp>,
    put_at: u64,
    /// Whether the slot is of another process's pool, which may be waiting for it.
    is_foreign: bool,
}

impl<'a> Outgoing<'a> {
    /// A payload, and what goes beside it.
    ///
    /// # Errors
    /// [`NoLine::NotOneBuffer`], [`NoLine::AttachmentTooLong`].
    pub fn new(
        payload: &'a ZBytes,
        attachment: Option<&'a ZBytes>,
        stamp: Option<Stamp>,
        is_foreign: bool,
    ) -> Result<Self, NoLine> {
        let attachment = attachment.map(ZBytes::to_bytes);
        let fits = || entry::takes(payload.len(), attachment.as_deref().map(<[u8]>::len));
        let content = match Descriptor::of(payload) {
            Some(descriptor) => Content::Buffer(descriptor),
            None if fits() => Content::Bytes(payload.to_bytes()),
            None => return Err(NoLine::NotOneBuffer),
        };
        match &attachment {
            Some(attachment) if attachment.len() > MAX_ATTACHMENT_BYTES => {
                Err(NoLine::AttachmentTooLong {
                    bytes: attachment.len(),
                })
            }
            _ => Ok(Self {
                payload,
                content,
                attachment,
                stamp,
                put_at: clock::nanoseconds(),
                is_foreign,
            }),
        }
    }
}

/// A publisher's way to one subscriber. The caller hands over one frame at a time.
#[derive(Debug)]
pub struct Line {
    kept: Arc<Kept>,
    address: InboxAddress,
}

/// What is kept for the reader. Whoever lets go of it locks its state for some list operations, and drops payloads
/// afterwards.
#[derive(Debug)]
struct Kept {
    mapped: Mapped,
    overflow: Overflow,
    lane: usize,
    /// The lane's state while it is this publisher's.
    open: State,
    state: Mutex<KeptState>,
    made_here: MadeHere,
    /// For as long as something may be kept for the reader.
    watch: OnceLock<Watch>,
}

#[derive(Debug, Default)]
struct KeptState {
    /// By position, ascending.
    payloads: VecDeque<(u64, ZBytes)>,
    /// How many entries were written, ever.
    next: u64,
    overwritten: u64,
    ended: Option<NoLine>,
    /// So that nothing of what is kept is read any more.
    is_reader_dead: bool,
}

impl Line {
    /// Maps the inbox and opens a lane in it, whose first frame has the number `owner.first`.
    ///
    /// # Errors
    /// Why there can be no line.
    pub fn open(address: InboxAddress, owner: &LaneOwner) -> Result<Self, NoLine> {
        let here = Whereabouts::of_this_process().ok_or(NoLine::Nowhere)?;
        address.reachable_from(&here)?;
        if owner.key.len() > KEY_BYTES {
            return Err(NoLine::KeyTooLong {
                bytes: owner.key.len(),
            });
        }
        let segment = Segment::attach(address.segment).map_err(|error| NoLine::Inbox {
            detail: error.to_string(),
        })?;
        let terms = Mapped::terms_in(&segment).filter(|terms| terms.nonce == address.nonce);
        // Its maker's word in the header page, which zenoh's rules have written by the reader itself.
        let reader = address.reader;
        let is_its = segment.producer() == Some((reader.pid, reader.started));
        let terms = terms.filter(|_| is_its).ok_or(NoLine::Ended)?;
        let mapped = Mapped::new(segment, terms.capacity).ok_or(NoLine::Corrupt)?;
        let (lane, open) = claim(&mapped, owner)?;
        let kept = Arc::new(Kept {
            mapped,
            overflow: terms.overflow,
            lane,
            open,
            state: Mutex::default(),
            made_here: MadeHere::now(),
            watch: OnceLock::new(),
        });
        let keeper: Weak<Kept> = Arc::downgrade(&kept);
        kept::ask(keeper.clone());
        let watch = peers::watch(reader, move || {
            if let Some(kept) = keeper.upgrade() {
                kept.reader_has_ended();
            }
        });
        let _ = kept.watch.set(watch);
        Ok(Self { kept, address })
    }

    /// The reader's inbox.
    pub fn address(&self) -> InboxAddress {
        self.address
    }

    /// What the subscriber has chosen for a full lane.
    pub fn overflow(&self) -> Overflow {
        self.kept.overflow
    }

    /// How many frames are unread.
    pub fn unread(&self) -> u64 {
        let lane = self.kept.lane();
        let unread = lane.map(|lane| lane.ring.unread(self.kept.mapped.capacity()));
        unread.and_then(Result::ok).unwrap_or(0)
    }

    /// How many frames were overwritten unread.
    pub fn overwritten(&self) -> u64 {
        mutex::lock(&self.kept.state).overwritten
    }

    /// Whether the line has ended, and why.
    pub fn ended(&self) -> Option<NoLine> {
        self.kept.ended()
    }

    /// Whether a frame would be taken: always where the oldest makes room.
    pub fn has_room(&self) -> bool {
        self.kept.overflow == Overflow::DropOldest
            || self.unread() < self.kept.mapped.capacity()
            || self.ended().is_some()
            || !self.kept.is_wanted()
    }

    /// Waits until a frame would be taken, the line has ended, or the time is over; whether a frame would be taken.
    pub fn wait_for_room(&self, timeout: Duration) -> bool {
        let started = Instant::now();
        let interruption = Interruption::of_this_wait();
        let Some(lane) = self.kept.lane() else {
            return true;
        };
        loop {
            let left = timeout.saturating_sub(started.elapsed());
            let listening = [lane.room.listen()];
            if self.has_room() || left.is_zero() || interruption.is_wanted() {
                return self.has_room();
            }
            Listening::sleep(&listening, left.min(ASK_EVERY));
        }
    }

    /// Hands a frame over, and wakes the reader. In a full lane the oldest makes room or, as the subscriber chose, the
    /// frame is not taken: ask [`Line::has_room`] before.
    ///
    /// # Errors
    /// The line has ended: nothing was handed over, and nothing will be.
    pub fn put(&self, frame: &Outgoing<'_>) -> Result<bool, NoLine> {
        let kept = &self.kept;
        let lane = kept.lane().ok_or(NoLine::Corrupt)?;
        let _gate = kept::enter().ok_or(NoLine::Ended)?;
        let mut state = mutex::lock(&kept.state);
        if !kept.is_wanted() || lane.ring.taken(state.next).is_err() {
            // Finds out why, which is told below, and keeps nothing.
            drop(state);
            kept.let_go();
            state = mutex::lock(&kept.state);
        }
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        if kept.mapped.head().is_closing() {
            return Err(state.end(NoLine::Ended));
        }
        let next = state.next;
        let overwrite = kept.overflow == Overflow::DropOldest;
        let room = lane.ring.make_room(next, kept.mapped.capacity(), overwrite);
        let overwritten = match room {
            Ok(Room::Free) => None,
            Ok(Room::Full) => return Ok(false),
            Ok(Room::Overwritten(position)) => {
                state.overwritten += 1;
                lane.show_overwritten(state.overwritten);
                let at = state
                    .payloads
                    .iter()
                    .position(|(kept, _)| *kept == position);
                at.and_then(|at| state.payloads.remove(at))
            }
            Err(Corrupt) => return Err(state.end(NoLine::Corrupt)),
        };
        let words = kept.mapped.entry(kept.lane, next).ok_or(NoLine::Corrupt)?;
        let content = match &frame.content {
            Content::Buffer(descriptor) => {
                state.payloads.push_back((next, frame.payload.clone()));
                Content::Buffer(*descriptor)
            }
            Content::Bytes(bytes) => Content::Bytes(&**bytes),
        };
        let is_kept = matches!(content, Content::Buffer(_));
        state.next = next + 1;
        let entry = Entry {
            content,
            put_at: frame.put_at,
            stamp: frame.stamp,
            attachment: frame.attachment.as_deref(),
        };
        entry.write(words);
        lane.ring.publish(next);
        kept.mapped.head().bell.ring();
        drop(state);
        // The reader is on its way already. Not under the lock: it may wake somebody.
        drop(overwritten);
        kept.let_go();
        if frame.is_foreign && is_kept {
            let keeper: Arc<Kept> = kept.clone();
            kept::look_after(keeper);
        }
        Ok(true)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let kept = &self.kept;
        if !kept.made_here.holds() {
            return;
        }
        // Before the lane is closed, which hides that it was abandoned.
        kept.let_go();
        kept.close();
        if kept.let_go() {
            let keeper: Arc<Kept> = kept.clone();
            kept::look_after(keeper);
        }
    }
}

impl KeptState {
    fn end(&mut self, reason: NoLine) -> NoLine {
        self.ended.get_or_insert(reason).clone()
    }
}

impl Kept {
    fn lane(&self) -> Option<&Lane> {
        self.mapped.lane(self.lane)
    }

    fn ended(&self) -> Option<NoLine> {
        mutex::lock(&self.state).ended.clone()
    }

    /// The reader will read nothing any more: all that is kept for it is given back.
    fn reader_has_ended(&self) {
        mutex::lock(&self.state).is_reader_dead = true;
        self.let_go();
    }

    /// The lane's phase; `None` where it is somebody else's by now, or nobody's.
    fn phase(&self, lane: &Lane) -> Option<Phase> {
        let state = lane.state()?;
        let is_own = self.open
            == State {
                phase: Phase::Open,
                ..state
            };
        is_own.then_some(state.phase)
    }

    /// Whether the reader takes frames from here.
    fn is_wanted(&self) -> bool {
        let phase = self.lane().and_then(|lane| self.phase(lane));
        phase == Some(Phase::Open) && !self.mapped.head().is_closing()
    }

    /// Tells the reader that nothing more comes.
    fn close(&self) {
        let state = |phase| State { phase, ..self.open };
        if let Some(lane) = self.lane() {
            let closed = lane.change_state(state(Phase::Open), state(Phase::Closed));
            if !closed {
                lane.change_state(state(Phase::Abandoned), state(Phase::Closed));
            }
            self.mapped.head().bell.ring();
        }
    }
}

impl Keeps for Kept {
    fn let_go(&self) -> bool {
        let gate = self.made_here.holds().then(kept::enter).flatten();
        if gate.is_none() {
            return true;
        }
        let Some(lane) = self.lane() else {
            return false;
        };
        let mut state = mutex::lock(&self.state);
        let taken = lane.ring.taken(state.next);
        // Behind the position: a lane that is given back has it reset first. Nothing of it is unread then.
        let phase = self.phase(lane);
        let is_read = matches!(phase, Some(Phase::Open | Phase::Closed))
            && !self.mapped.head().is_closed()
            && !state.is_reader_dead;
        let gone: Vec<_> = match taken {
            Ok(taken) if is_read => {
                let read = state
                    .payloads
                    .partition_point(|(position, _)| *position < taken);
                state.payloads.drain(..read).collect()
            }
            ended => {
                state.end(match (phase, ended) {
                    (Some(Phase::Abandoned), _) | (_, Err(_)) => NoLine::Corrupt,
                    _ => NoLine::Ended,
                });
                state.payloads.drain(..).collect()
            }
        };
        let is_left = !state.payloads.is_empty();
        drop(state);
        // Not under the lock: it may wake somebody.
        drop(gone);
        is_left
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // A forked child's references are its parent's; at exit zenoh may have gone.
        let gate = self.made_here.holds().then(kept::enter).flatten();
        let state = self.state.get_mut();
        let state = state.unwrap_or_else(std::sync::PoisonError::into_inner);
        let payloads = std::mem::take(&mut state.payloads);
        match gate {
            Some(_gate) => drop(payloads),
            None => std::mem::forget(payloads),
        }
    }
}

/// Takes a free lane and describes its owner there. Which one, and its state then.
fn claim(mapped: &Mapped, owner: &LaneOwner) -> Result<(usize, State), NoLine> {
    if mapped.head().is_closing() {
        return Err(NoLine::Ended);
    }
    let claimed = |number| {
        let lane = mapped.lane(number)?;
        let free = lane.state().filter(|state| state.phase == Phase::Free)?;
        let opening = State {
            phase: Phase::Opening,
            pid: owner.process.pid,
            ..free
        };
        lane.change_state(free, opening)
            .then_some((number, opening))
    };
    let (number, opening) = (0..LANES)
        .find_map(claimed)
        .ok_or(NoLine::TooManyPublishers)?;
    let lane = mapped.lane(number).ok_or(NoLine::Corrupt)?;
    lane.ring.reset();
    // Relaxed: before the state says that the lane is open.
    lane.started.store(owner.process.started, Ordering::Relaxed);
    let (source, entity) = owner.source;
    lane.source[0].store(source as u64, Ordering::Relaxed);
    lane.source[1].store((source >> 64) as u64, Ordering::Relaxed);
    lane.entity.store(entity, Ordering::Relaxed);
    lane.alone.store(u32::from(owner.alone), Ordering::Relaxed);
    lane.first.store(owner.first, Ordering::Relaxed);
    lane.write_key(&owner.key);
    let open = State {
        phase: Phase::Open,
        ..opening
    };
    lane.set_state(open);
    mapped.head().bell.ring();
    Ok((number, open))
}
