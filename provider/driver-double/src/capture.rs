//! Stream capture: which calls a capture forbids to whom, and what becomes of a capture that was disturbed.
//!
//! The rules are those of the driver API's documentation of `cuStreamBeginCapture` and
//! `cuThreadExchangeStreamCaptureMode`, and where that leaves something open, those that a driver of version 580 was
//! seen to follow. A disturbed capture is a violation on record, because its owner loses the graph.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::c_uint;

use crate::call::{Out, exports};
use crate::graph::Graph;
use crate::state::{Double, State};
use crate::status::{
    CAPTURE_IMPLICIT, CAPTURE_INVALIDATED, CAPTURE_ISOLATION, CAPTURE_UNMATCHED,
    CAPTURE_UNSUPPORTED, CAPTURE_WRONG_THREAD, INVALID_VALUE, Status,
};
use crate::stream::{Kind, Operation, Point, Work};
use crate::stream_calls::thread_number;

/// Calls that are only safe while nobody captures, as far as their callers cannot know better.
const UNSAFE: &[&str] = &[
    "cuEventQuery",
    "cuEventSynchronize",
    "cuMemAlloc_v2",
    "cuMemAllocHost_v2",
    "cuMemFreeHost",
    "cuMemFree_v2",
    "cuMemHostAlloc",
    "cuMemHostRegister_v2",
    "cuMemHostUnregister",
    "cuStreamQuery",
    "cuStreamSynchronize",
];
/// Those that also are where they do not belong to the capture.
const UNSAFE_OUTSIDE: &[&str] = &["cuMemAllocAsync", "cuMemFreeAsync"];

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Global,
    ThreadLocal,
    Relaxed,
}

impl Mode {
    fn of(number: c_uint) -> Result<Self, Status> {
        match number {
            0 => Ok(Self::Global),
            1 => Ok(Self::ThreadLocal),
            2 => Ok(Self::Relaxed),
            _ => Err(INVALID_VALUE),
        }
    }

    fn number(self) -> c_uint {
        match self {
            Self::Global => 0,
            Self::ThreadLocal => 1,
            Self::Relaxed => 2,
        }
    }
}

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::Global) };
}

struct Capture {
    mode: Mode,
    thread: u64,
    context: usize,
    kind: Kind,
    is_invalid: bool,
    graph: usize,
}

#[derive(Default)]
pub(crate) struct Captures {
    by_stream: BTreeMap<usize, Capture>,
    begun: u64,
}

impl Captures {
    /// Whether the stream is being captured, also where that was disturbed.
    pub(crate) fn has(&self, stream: usize) -> bool {
        self.by_stream.contains_key(&stream)
    }

    /// The graph that the stream's work goes into.
    pub(crate) fn graph_of(&self, stream: usize) -> Option<usize> {
        Some(self.by_stream.get(&stream)?.graph)
    }
}

impl State {
    /// Disturbs the captures that `conflicts` picks; fails if there are any.
    fn conflict(
        &mut self,
        name: &str,
        code: Status,
        conflicts: impl Fn(usize, &Capture) -> bool,
    ) -> Result<(), Status> {
        let mut any = false;
        for (stream, capture) in &mut self.captures.by_stream {
            if conflicts(*stream, capture) {
                any = true;
                if !capture.is_invalid {
                    capture.is_invalid = true;
                    self.ledger
                        .violation(format!("capture_invalidated: of {stream:#x} by {name}"));
                }
            }
        }
        if any { Err(code) } else { Ok(()) }
    }

    /// Whether the calling thread may make this call now.
    pub(crate) fn admit_beside_captures(&mut self, name: &'static str) -> Result<(), Status> {
        if UNSAFE.contains(&name) {
            return self.admit_unsafe(name);
        }
        if name == "cuCtxSynchronize" {
            let current = self.contexts.current()?;
            return self.conflict(name, CAPTURE_UNSUPPORTED, |_, capture| {
                capture.context == current
            });
        }
        Ok(())
    }

    /// As above, for the calls that may be a part of the capture.
    pub(crate) fn admit_outside(
        &mut self,
        name: &'static str,
        stream: usize,
    ) -> Result<(), Status> {
        debug_assert!(UNSAFE_OUTSIDE.contains(&name));
        match self.captures.has(stream) {
            true => Ok(()),
            false => self.admit_unsafe(name),
        }
    }

    fn admit_unsafe(&mut self, name: &str) -> Result<(), Status> {
        let (mode, thread) = (MODE.get(), thread_number());
        self.conflict(name, CAPTURE_UNSUPPORTED, |_, capture| {
            let own = capture.thread == thread && capture.mode != Mode::Relaxed;
            match mode {
                Mode::Global => own || capture.mode == Mode::Global,
                Mode::ThreadLocal => own,
                Mode::Relaxed => false,
            }
        })
    }

    /// What cannot be asked of a stream whose work is not executed.
    pub(crate) fn conflict_on(&mut self, name: &str, stream: usize) -> Result<(), Status> {
        self.conflict(name, CAPTURE_UNSUPPORTED, |captured, _| captured == stream)
    }

    /// Work on the legacy stream would have to wait for the blocking streams that are captured.
    pub(crate) fn conflict_with_legacy(
        &mut self,
        context: usize,
        kind: Kind,
    ) -> Result<(), Status> {
        if kind != Kind::Legacy {
            return Ok(());
        }
        self.conflict("the legacy stream", CAPTURE_IMPLICIT, |_, capture| {
            capture.context == context && capture.kind == Kind::Blocking
        })
    }

    /// Puts work into the graph of a captured stream instead of its queue.
    pub(crate) fn capture(
        &mut self,
        stream: usize,
        after: &[Point],
        work: Work,
    ) -> Result<Point, Status> {
        if self.captures.by_stream[&stream].is_invalid {
            return Err(CAPTURE_INVALIDATED);
        }
        // What happened outside is no part of the graph.
        if after.iter().any(|point| point.stream != stream) {
            self.conflict("cuStreamWaitEvent", CAPTURE_ISOLATION, |captured, _| {
                captured == stream
            })?;
        }
        let point = Point {
            stream,
            sequence: 0,
        };
        if let Some(graph) = self.captures.graph_of(stream) {
            self.graphs.add(
                graph,
                Operation {
                    point,
                    due: None,
                    after: Vec::new(),
                    work,
                },
            );
        }
        Ok(point)
    }
}

impl Double {
    fn begin(&'static self, stream: usize, mode: c_uint) -> Result<(), Status> {
        let mode = Mode::of(mode)?;
        let mut state = self.lock();
        let handle = self.stream_of(&mut state, stream)?;
        let of = state.streams.usable(handle)?;
        let (context, kind) = (of.context, of.kind);
        if kind == Kind::Legacy {
            return Err(CAPTURE_UNSUPPORTED);
        }
        if state.captures.has(handle) {
            return Err(CAPTURE_UNMATCHED);
        }
        let graph = state.graphs.insert(Graph::default());
        state.captures.begun += 1;
        let capture = Capture {
            mode,
            thread: thread_number(),
            context,
            kind,
            is_invalid: false,
            graph,
        };
        state.captures.by_stream.insert(handle, capture);
        Ok(())
    }

    fn end(&'static self, stream: usize) -> Result<usize, Status> {
        let mut state = self.lock();
        let handle = self.stream_of(&mut state, stream)?;
        let capture = state.captures.by_stream.get(&handle);
        let Some(capture) = capture else {
            return Err(CAPTURE_UNMATCHED);
        };
        if capture.mode != Mode::Relaxed && capture.thread != thread_number() {
            return Err(CAPTURE_WRONG_THREAD);
        }
        let (graph, is_invalid) = (capture.graph, capture.is_invalid);
        state.captures.by_stream.remove(&handle);
        if is_invalid {
            state.graphs.destroy(graph)?;
            drop(state);
            self.notify();
            return Err(CAPTURE_INVALIDATED);
        }
        Ok(graph)
    }

    /// Status (0 none, 1 active, 2 disturbed) and graph.
    fn capturing(&'static self, stream: usize) -> Result<(c_uint, usize), Status> {
        let mut state = self.lock();
        let handle = self.stream_of(&mut state, stream)?;
        let of = state.streams.usable(handle)?;
        let (context, kind) = (of.context, of.kind);
        let is_implied = |capture: &Capture| {
            kind == Kind::Legacy && capture.context == context && capture.kind == Kind::Blocking
        };
        // Asking disturbs nothing.
        if state.captures.by_stream.values().any(is_implied) {
            return Err(CAPTURE_IMPLICIT);
        }
        let capture = state.captures.by_stream.get(&handle);
        Ok(match capture {
            None => (0, 0),
            Some(capture) => (1 + c_uint::from(capture.is_invalid), capture.graph),
        })
    }
}

exports! {
    [Context] fn cuStreamBeginCapture_v2(stream: usize, mode: c_uint) |double| double.begin(stream, mode);
    [Context] fn cuStreamEndCapture(stream: usize, graph: Out<usize>) |double| {
        match double.end(stream) {
            Ok(ended) => graph.set(ended),
            Err(code) => {
                graph.set_if_wanted(0);
                Err(code)
            }
        }
    };
    [Context] fn cuStreamIsCapturing(stream: usize, status: Out<c_uint>) |double| {
        status.set(double.capturing(stream)?.0)
    };
    [Context] fn cuStreamGetCaptureInfo_v2(
        stream: usize, status: Out<c_uint>, number: Out<u64>, graph: Out<usize>, _after: usize, count: Out<usize>,
    ) |double| {
        let (found, in_graph) = double.capturing(stream)?;
        number.set_if_wanted(double.lock().captures.begun);
        graph.set_if_wanted(in_graph);
        count.set_if_wanted(0);
        status.set(found)
    };
    [Init] fn cuThreadExchangeStreamCaptureMode(mode: *mut c_uint) |_double| {
        if mode.is_null() {
            return Err(INVALID_VALUE);
        }
        // SAFETY: the interface obliges callers to pass a place for one mode, which is read and written.
        unsafe {
            let wanted = Mode::of(mode.read())?;
            mode.write(MODE.replace(wanted).number());
        }
        Ok(())
    };
}
