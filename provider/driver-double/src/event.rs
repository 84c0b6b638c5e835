//! Events: names for points in streams.

use std::collections::BTreeMap;
use std::ffi::c_uint;
use std::time::Instant;

use crate::call::{Out, exports};
use crate::state::{Double, State};
use crate::status::{
    CAPTURED_EVENT, CONTEXT_IS_DESTROYED, INVALID_HANDLE, INVALID_VALUE, NOT_READY, Status,
};
use crate::stream::{Point, Work};

const DISABLE_TIMING: c_uint = 2;
const ALL_FLAGS: c_uint = 7;
const FIRST_HANDLE: usize = 0xE7_0000;
const HANDLE_STEP: usize = 0x10;

struct Event {
    context: usize,
    /// Its context was reset.
    lost: bool,
    flags: c_uint,
    recorded: Option<Point>,
    /// The stream whose capture it was last recorded in.
    captured: Option<usize>,
    /// When the latest record took place, once it did.
    completed: Option<Instant>,
}

#[derive(Default)]
pub(crate) struct Events {
    created: usize,
    by_handle: BTreeMap<usize, Event>,
}

impl Events {
    fn create(&mut self, flags: c_uint, context: usize) -> Result<usize, Status> {
        if flags & !ALL_FLAGS != 0 {
            return Err(INVALID_VALUE);
        }
        let handle = FIRST_HANDLE + HANDLE_STEP * self.created;
        self.created += 1;
        let event = Event {
            context,
            lost: false,
            flags,
            recorded: None,
            captured: None,
            completed: None,
        };
        self.by_handle.insert(handle, event);
        Ok(handle)
    }

    fn get(&self, handle: usize) -> Result<&Event, Status> {
        let event = self.by_handle.get(&handle).filter(|event| !event.lost);
        event.ok_or(INVALID_HANDLE)
    }

    /// The events of the context have gone with it.
    pub(crate) fn lose(&mut self, context: usize) {
        let of_context = |event: &&mut Event| event.context == context;
        for event in self.by_handle.values_mut().filter(of_context) {
            event.lost = true;
        }
    }

    /// The point of the latest record; None for an event that was never recorded.
    pub(crate) fn recorded(&self, handle: usize) -> Result<Option<Point>, Status> {
        Ok(self.get(handle)?.recorded)
    }

    /// An event that was destroyed or recorded again meanwhile is left alone.
    pub(crate) fn complete(&mut self, handle: usize, point: Point) {
        if let Some(event) = self.by_handle.get_mut(&handle)
            && event.recorded == Some(point)
        {
            event.completed = Some(Instant::now());
        }
    }
}

impl State {
    /// An event of a capture stands for nothing that happens.
    fn conflict_of(&mut self, name: &str, event: usize) -> Result<(), Status> {
        let captured = self.events.get(event)?.captured;
        let Some(stream) = captured else {
            return Ok(());
        };
        // Also when the capture has ended since.
        let _ = self.conflict_on(name, stream);
        Err(CAPTURED_EVENT)
    }

    fn query(&mut self, event: usize) -> Result<(), Status> {
        if let Some(event) = self.events.by_handle.get(&event) {
            let active = self.contexts.is_usable(event.context);
            if !active {
                return Err(CONTEXT_IS_DESTROYED);
            }
            if let Some(code) = self.failure(event.context) {
                return Err(code);
            }
        }
        self.conflict_of("cuEventQuery", event)?;
        let recorded = self.events.recorded(event)?;
        if self.streams.have_reached(recorded.as_slice()) {
            Ok(())
        } else {
            Err(NOT_READY)
        }
    }

    fn elapsed(&self, start: usize, end: usize) -> Result<f32, Status> {
        let time = |handle| {
            let event = self.events.get(handle)?;
            if event.flags & DISABLE_TIMING != 0 || event.recorded.is_none() {
                return Err(INVALID_HANDLE);
            }
            event.completed.ok_or(NOT_READY)
        };
        let (start, end) = (time(start)?, time(end)?);
        let forward = end.saturating_duration_since(start).as_secs_f32();
        let backward = start.saturating_duration_since(end).as_secs_f32();
        Ok((forward - backward) * 1000.0)
    }
}

impl Double {
    fn record(&'static self, event: usize, stream: usize) -> Result<(), Status> {
        let mut state = self.lock();
        state.events.get(event)?;
        let stream = self.stream_of(&mut state, stream)?;
        let captured = state.captures.has(stream).then_some(stream);
        let point = self.enqueue(&mut state, stream, Vec::new(), Work::Record(event))?;
        if let Some(event) = state.events.by_handle.get_mut(&event) {
            event.recorded = Some(point);
            event.captured = captured;
            event.completed = None;
        }
        Ok(())
    }

    fn synchronize_event(&'static self, event: usize) -> Result<(), Status> {
        let mut state = self.lock();
        state.conflict_of("cuEventSynchronize", event)?;
        let recorded = state.events.recorded(event)?;
        drop(state);
        self.wait_for(recorded.as_slice())
    }
}

exports! {
    [Context] fn cuEventCreate(event: Out<usize>, flags: c_uint) |double| {
        let mut state = double.lock();
        let context = state.contexts.current()?;
        let created = state.events.create(flags, context)?;
        drop(state);
        event.set(created)
    };
    [Context] fn cuEventRecord(event: usize, stream: usize) |double| double.record(event, stream);
    [Init] fn cuEventQuery(event: usize) |double| double.lock().query(event);
    [Context] fn cuEventSynchronize(event: usize) |double| double.synchronize_event(event);
    [Context] fn cuEventElapsedTime(milliseconds: Out<f32>, start: usize, end: usize) |double| {
        let elapsed = double.lock().elapsed(start, end)?;
        milliseconds.set(elapsed)
    };
    [Context] fn cuEventDestroy_v2(event: usize) |double| {
        let mut state = double.lock();
        let removed = state.events.by_handle.remove(&event);
        if removed.as_ref().is_some_and(|event| event.lost) {
            state.ledger.violation(format!("stale_event: {event:#x}"));
            return Err(INVALID_HANDLE);
        }
        removed.map(drop).ok_or(INVALID_HANDLE)
    };
}
