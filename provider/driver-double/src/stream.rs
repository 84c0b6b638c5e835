//! Streams: queues of operations, and the points in them that others wait for.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{c_int, c_uint, c_void};
use std::time::Instant;

use crate::copy::{Copy, Fill};
use crate::kernel::Sum;
use crate::status::{INVALID_HANDLE, Status};

/// The place of one operation in its stream. It is reached once that operation has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Point {
    pub(crate) stream: usize,
    pub(crate) sequence: u64,
}

pub(crate) enum Work {
    Copy(Copy),
    Fill(Fill),
    Sum(Sum),
    /// Frees the device block that starts here.
    Free(usize),
    /// Completes the record of this event.
    Record(usize),
    Call {
        function: HostFunction,
        data: usize,
    },
    /// Only waits for what it comes after.
    Wait,
}

impl Work {
    /// The same once more, for a further launch of a graph.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Copy(copy) => Self::Copy(copy.clone()),
            Self::Fill(fill) => Self::Fill(fill.clone()),
            Self::Sum(sum) => Self::Sum(sum.clone()),
            Self::Free(start) => Self::Free(*start),
            Self::Record(event) => Self::Record(*event),
            Self::Call { function, data } => Self::Call {
                function: *function,
                data: *data,
            },
            Self::Wait => Self::Wait,
        }
    }
}

pub(crate) type HostFunction = unsafe extern "C" fn(*mut c_void);

pub(crate) struct Operation {
    pub(crate) point: Point,
    /// Not to run before.
    pub(crate) due: Option<Instant>,
    /// Points in other streams to be reached first.
    pub(crate) after: Vec<Point>,
    pub(crate) work: Work,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Legacy,
    Blocking,
    NonBlocking,
}

pub(crate) struct Stream {
    pub(crate) context: usize,
    pub(crate) kind: Kind,
    pub(crate) flags: c_uint,
    pub(crate) priority: c_int,
    pub(crate) destroyed: bool,
    /// Its context was reset: nobody waits for what still runs.
    lost: bool,
    queue: VecDeque<Operation>,
    enqueued: u64,
    finished: u64,
}

impl Stream {
    pub(crate) fn new(context: usize, kind: Kind, flags: c_uint, priority: c_int) -> Self {
        Self {
            context,
            kind,
            flags,
            priority,
            destroyed: false,
            lost: false,
            queue: VecDeque::new(),
            enqueued: 0,
            finished: 0,
        }
    }

    fn is_pending(&self) -> bool {
        self.finished < self.enqueued
    }
}

/// What the handles 0, 1 and 2 stand for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DefaultStream {
    pub(crate) context: usize,
    /// None for the legacy stream, which all threads share.
    pub(crate) thread: Option<u64>,
}

#[derive(Default)]
pub(crate) struct Streams {
    opened: usize,
    by_handle: BTreeMap<usize, Stream>,
    pub(crate) defaults: BTreeMap<DefaultStream, usize>,
}

const FIRST_HANDLE: usize = 0x57_0000;
const HANDLE_STEP: usize = 0x10;

impl Streams {
    /// Handles are never used twice, so a stale one is recognised.
    pub(crate) fn insert(&mut self, stream: Stream) -> usize {
        let handle = FIRST_HANDLE + HANDLE_STEP * self.opened;
        self.opened += 1;
        self.by_handle.insert(handle, stream);
        handle
    }

    pub(crate) fn remove(&mut self, handle: usize) {
        self.by_handle.remove(&handle);
    }

    /// The streams of the context have gone with it; what is queued still runs.
    pub(crate) fn lose(&mut self, context: usize) {
        let of_context = |stream: &&mut Stream| stream.context == context;
        for stream in self.by_handle.values_mut().filter(of_context) {
            stream.destroyed = true;
            stream.lost = true;
        }
        self.defaults.retain(|of, _| of.context != context);
    }

    /// A stream that new work may go to.
    pub(crate) fn usable(&mut self, handle: usize) -> Result<&mut Stream, Status> {
        self.by_handle
            .get_mut(&handle)
            .filter(|stream| !stream.destroyed)
            .ok_or(INVALID_HANDLE)
    }

    pub(crate) fn enqueue(
        &mut self,
        handle: usize,
        due: Option<Instant>,
        mut after: Vec<Point>,
        work: Work,
    ) -> Result<Point, Status> {
        let stream = self.usable(handle)?;
        let (context, kind) = (stream.context, stream.kind);
        after.extend(self.implied(context, kind));
        let stream = self.usable(handle)?;
        stream.enqueued += 1;
        let point = Point {
            stream: handle,
            sequence: stream.enqueued,
        };
        stream.queue.push_back(Operation {
            point,
            due,
            after,
            work,
        });
        Ok(point)
    }

    /// What the legacy stream's implicit ordering adds: it and the blocking streams of its context
    /// wait for each other.
    fn implied(&self, context: usize, kind: Kind) -> Vec<Point> {
        let other = match kind {
            Kind::Legacy => Kind::Blocking,
            Kind::Blocking => Kind::Legacy,
            Kind::NonBlocking => return Vec::new(),
        };
        self.pending(|stream| stream.context == context && stream.kind == other)
    }

    pub(crate) fn pending_in(&self, context: usize) -> Vec<Point> {
        self.pending(|stream| stream.context == context && !stream.lost)
    }

    pub(crate) fn pending_on(&self, handle: usize) -> Vec<Point> {
        let stream = self.by_handle.get(&handle);
        stream
            .filter(|stream| stream.is_pending())
            .map(|stream| last(handle, stream))
            .into_iter()
            .collect()
    }

    fn pending(&self, wanted: impl Fn(&Stream) -> bool) -> Vec<Point> {
        self.by_handle
            .iter()
            .filter(|(_, stream)| stream.is_pending() && wanted(stream))
            .map(|(&handle, stream)| last(handle, stream))
            .collect()
    }

    /// A stream is only gone once all its work has ended.
    pub(crate) fn have_reached(&self, points: &[Point]) -> bool {
        points.iter().all(|point| {
            self.by_handle
                .get(&point.stream)
                .is_none_or(|stream| stream.finished >= point.sequence)
        })
    }

    pub(crate) fn is_idle(&self, handle: usize) -> bool {
        self.by_handle
            .get(&handle)
            .is_some_and(|stream| stream.queue.is_empty() && !stream.destroyed)
    }

    pub(crate) fn next(&mut self, handle: usize) -> Option<Operation> {
        self.by_handle.get_mut(&handle)?.queue.pop_front()
    }

    #[cfg(test)]
    pub(crate) fn due_on(&self, handle: usize) -> Vec<Instant> {
        let stream = self.by_handle.get(&handle).into_iter();
        stream
            .flat_map(|stream| stream.queue.iter().filter_map(|operation| operation.due))
            .collect()
    }

    pub(crate) fn finish(&mut self, point: Point) {
        if let Some(stream) = self.by_handle.get_mut(&point.stream) {
            stream.finished = point.sequence;
        }
    }
}

fn last(handle: usize, stream: &Stream) -> Point {
    Point {
        stream: handle,
        sequence: stream.enqueued,
    }
}
