//! The driver's stream functions.

use std::cell::Cell;
use std::ffi::{c_int, c_uint};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::call::{Out, exports};
use crate::state::{Double, State};
use crate::status::{INVALID_HANDLE, INVALID_VALUE, NOT_READY, Status};
use crate::stream::{DefaultStream, HostFunction, Kind, Work};

const NON_BLOCKING: c_uint = 1;
const LEGACY: usize = 1;
const PER_THREAD: usize = 2;
pub(crate) const GREATEST_PRIORITY: c_int = -5;

/// A number that no other thread of the process has or had.
pub(crate) fn thread_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    if NUMBER.get() == 0 {
        NUMBER.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
    }
    NUMBER.get()
}

impl Double {
    /// The stream behind a handle; default streams open on first use.
    pub(crate) fn stream_of(
        &'static self,
        state: &mut State,
        handle: usize,
    ) -> Result<usize, Status> {
        if handle > PER_THREAD {
            let usable = state.streams.usable(handle).map(|_| handle);
            if usable.is_err() {
                state.ledger.violation(format!("stale_stream: {handle:#x}"));
            }
            return usable;
        }
        let (kind, thread) = match handle {
            PER_THREAD => (Kind::Blocking, Some(thread_number())),
            _ => (Kind::Legacy, None),
        };
        let key = DefaultStream {
            context: state.contexts.current()?,
            thread,
        };
        if let Some(&stream) = state.streams.defaults.get(&key) {
            return Ok(stream);
        }
        let stream = self.open(state, kind, 0, 0)?;
        state.streams.defaults.insert(key, stream);
        Ok(stream)
    }

    fn create(&'static self, flags: c_uint, priority: c_int) -> Result<usize, Status> {
        let kind = match flags {
            0 => Kind::Blocking,
            NON_BLOCKING => Kind::NonBlocking,
            _ => return Err(INVALID_VALUE),
        };
        let priority = priority.clamp(GREATEST_PRIORITY, 0);
        self.open(&mut self.lock(), kind, flags, priority)
    }

    /// Returns at once; what is queued still runs, and then the worker ends.
    fn destroy(&'static self, handle: usize) -> Result<(), Status> {
        if handle == 0 || handle == LEGACY || handle == PER_THREAD {
            return Err(INVALID_HANDLE);
        }
        let mut state = self.lock();
        let stream = self.stream_of(&mut state, handle)?;
        state.streams.usable(stream)?.destroyed = true;
        self.notify();
        Ok(())
    }

    fn query(&'static self, handle: usize) -> Result<(), Status> {
        let mut state = self.lock();
        let stream = self.stream_of(&mut state, handle)?;
        state.conflict_on("cuStreamQuery", stream)?;
        if state.streams.pending_on(stream).is_empty() {
            Ok(())
        } else {
            Err(NOT_READY)
        }
    }

    fn synchronize(&'static self, handle: usize) -> Result<(), Status> {
        let pending = {
            let mut state = self.lock();
            let stream = self.stream_of(&mut state, handle)?;
            state.conflict_on("cuStreamSynchronize", stream)?;
            state.streams.pending_on(stream)
        };
        self.wait_for(&pending)
    }

    /// Waits for the event's latest record as of now; later records change nothing.
    fn wait_event(&'static self, stream: usize, event: usize) -> Result<(), Status> {
        let mut state = self.lock();
        let stream = self.stream_of(&mut state, stream)?;
        if let Some(recorded) = state.events.recorded(event)? {
            self.enqueue(&mut state, stream, vec![recorded], Work::Wait)?;
        }
        Ok(())
    }

    fn launch(
        &'static self,
        stream: usize,
        function: Option<HostFunction>,
        data: usize,
    ) -> Result<(), Status> {
        let function = function.ok_or(INVALID_VALUE)?;
        let mut state = self.lock();
        let stream = self.stream_of(&mut state, stream)?;
        self.enqueue(
            &mut state,
            stream,
            Vec::new(),
            Work::Call { function, data },
        )?;
        Ok(())
    }
}

exports! {
    [Context] fn cuStreamCreate(stream: Out<usize>, flags: c_uint) |double| {
        stream.set(double.create(flags, 0)?)
    };
    [Context] fn cuStreamCreateWithPriority(stream: Out<usize>, flags: c_uint, priority: c_int) |double| {
        stream.set(double.create(flags, priority)?)
    };
    [Context] fn cuStreamDestroy_v2(stream: usize) |double| double.destroy(stream);
    [Context] fn cuStreamQuery(stream: usize) |double| double.query(stream);
    [Context] fn cuStreamSynchronize(stream: usize) |double| double.synchronize(stream);
    [Context] fn cuStreamWaitEvent(stream: usize, event: usize, flags: c_uint) |double| {
        if flags > 1 {
            return Err(INVALID_VALUE);
        }
        double.wait_event(stream, event)
    };
    [Context] fn cuStreamGetFlags(stream: usize, flags: Out<c_uint>) |double| {
        let mut state = double.lock();
        let stream = double.stream_of(&mut state, stream)?;
        flags.set(state.streams.usable(stream)?.flags)
    };
    [Context] fn cuStreamGetPriority(stream: usize, priority: Out<c_int>) |double| {
        let mut state = double.lock();
        let stream = double.stream_of(&mut state, stream)?;
        priority.set(state.streams.usable(stream)?.priority)
    };
    [Context] fn cuStreamGetCtx(stream: usize, context: Out<usize>) |double| {
        let mut state = double.lock();
        let stream = double.stream_of(&mut state, stream)?;
        context.set(state.streams.usable(stream)?.context)
    };
    [Context] fn cuLaunchHostFunc(stream: usize, function: Option<HostFunction>, data: usize) |double| {
        double.launch(stream, function, data)
    };
}
