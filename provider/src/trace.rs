//! Traces of frames, from put to device: which trace a frame belongs to, and what is told of it.
//!
//! A frame's trace needs no byte on the wire: both sides compute it from what names the frame anyway, its publisher and its
//! number ([`TraceContext::of_frame`]). Where a caller's trace comes along (dora's messages carry one) the frame belongs to
//! that one instead.
//!
//! What is told are events of `tracing` with the target [`TARGET`], at the level TRACE, one for each span, when it has ended:
//!
//! | field | what |
//! |---|---|
//! | `span_name` | `put`, `receive` or `copy_to_device` |
//! | `trace`, `span`, `parent` | ids; a `parent` of zero is none |
//! | `began`, `ended` | nanoseconds since 1970 |
//! | `bytes` | of the frame |
//! | `key` | where it was published; empty where that is not known |
//! | `path`, `reason` | of a copy: see [`crate::DevicePath`]; empty where it is direct |
//!
//! Whoever wants spans of them has a subscriber for that target (`zenoh-pinned-observe`). Where nobody has one this costs a
//! look at a static word, and no clock is read.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, SystemTime},
};

use crate::{
    os::{self, clock},
    reason::Way,
};

/// Of the events.
pub const TARGET: &str = "zenoh_pinned::frame";

/// The place of a frame in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Of everything that belongs together; never zero.
    pub trace: u128,
    /// What the frame's next span is a child of; never zero.
    pub span: u64,
}

impl TraceContext {
    /// Of a frame's put, by the zenoh id of its publisher's session, the publisher's number there, and the frame's number.
    pub fn of_frame(session: u128, publisher: u32, number: u32) -> Self {
        let [low, high] = [session as u64, (session >> 64) as u64];
        let frame = u64::from(publisher) << 32 | u64::from(number);
        let first = mixed(mixed(low).wrapping_add(high) ^ mixed(frame));
        let second = mixed(first.wrapping_add(frame));
        Self {
            trace: (u128::from(first) << 64 | u128::from(second)).max(1),
            span: mixed(second).max(1),
        }
    }

    /// Of what a caller has sent along: `00-<trace>-<parent>-<flags>`, see W3C Trace Context. `None` where it is none, or
    /// is not sampled.
    pub fn of_traceparent(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let version = parts.next().filter(|version| version.len() == 2)?;
        let trace = parts.next().filter(|trace| trace.len() == 32)?;
        let span = parts.next().filter(|span| span.len() == 16)?;
        let flags = parts.next().filter(|flags| flags.len() == 2)?;
        if version == "ff" || u8::from_str_radix(flags, 16).ok()? & 1 == 0 {
            return None;
        }
        let context = Self {
            trace: u128::from_str_radix(trace, 16).ok()?,
            span: u64::from_str_radix(span, 16).ok()?,
        };
        (context.trace != 0 && context.span != 0).then_some(context)
    }

    /// The same trace, and a span of its own.
    pub fn child(self) -> Self {
        // Where the kernel gives no random number the span is still another one than its parent.
        let random = os::random().map_or(self.span ^ 1, u64::from_ne_bytes);
        Self {
            trace: self.trace,
            span: random.max(1),
        }
    }
}

/// A span that has begun.
#[derive(Clone, Copy, Debug)]
pub struct Began(u64);

/// Begins a span; `None` where nobody wants it.
pub fn begin() -> Option<Began> {
    tracing::enabled!(target: TARGET, tracing::Level::TRACE).then(|| Began(now()))
}

/// Begins a span that began already, at this moment of the monotonic clock; `None` where nobody wants it.
pub fn begin_at(nanoseconds: u64) -> Option<Began> {
    let Began(now) = begin()?;
    let since = clock::nanoseconds().saturating_sub(nanoseconds);
    Some(Began(now.saturating_sub(since)))
}

/// Tells of a frame that was put and has a trace of its own.
pub fn tell_put(began: Began, of: TraceContext, key: &str, bytes: usize) {
    let told = Told {
        key,
        bytes,
        way: None,
    };
    tell("put", began, of, 0, &told);
}

/// Tells of a frame that was put in a trace of its sender's.
pub fn tell_put_within(began: Began, given: TraceContext, key: &str, bytes: usize) {
    let told = Told {
        key,
        bytes,
        way: None,
    };
    tell("put", began, given.child(), given.span, &told);
}

/// Tells of a frame that was received, and gives what its copies belong to.
pub fn tell_received(began: Began, of: TraceContext, key: &str, bytes: usize) -> TraceContext {
    let context = of.child();
    tell(
        "receive",
        began,
        context,
        of.span,
        &Told {
            key,
            bytes,
            way: None,
        },
    );
    context
}

/// A copy to a device that was enqueued, of which is told when it has executed.
#[derive(Debug)]
pub(crate) struct CopyInFlight {
    began: Began,
    of: TraceContext,
    bytes: usize,
    way: Way,
}

impl CopyInFlight {
    pub(crate) fn new(began: Began, of: TraceContext, bytes: usize, way: &Way) -> Self {
        Self {
            began,
            of,
            bytes,
            way: way.clone(),
        }
    }

    /// It has executed. A subscriber's panic is not the caller's, which has other copies to look after.
    pub(crate) fn tell(self) {
        let told = Told {
            key: "",
            bytes: self.bytes,
            way: Some(&self.way),
        };
        let tell = || {
            tell(
                "copy_to_device",
                self.began,
                self.of.child(),
                self.of.span,
                &told,
            )
        };
        let _ = catch_unwind(AssertUnwindSafe(tell));
    }
}

struct Told<'a> {
    key: &'a str,
    bytes: usize,
    way: Option<&'a Way>,
}

fn tell(span_name: &str, Began(began): Began, context: TraceContext, parent: u64, told: &Told<'_>) {
    let path = told.way.map(|way| way.path.to_string()).unwrap_or_default();
    let reason = told.way.and_then(|way| way.reason.as_ref());
    let reason = reason.map(ToString::to_string).unwrap_or_default();
    let TraceContext { trace, span } = context;
    tracing::trace!(
        target: TARGET,
        span_name,
        trace,
        span,
        parent,
        began,
        ended = now(),
        key = told.key,
        bytes = told.bytes as u64,
        path,
        reason,
    );
}

/// Tells of a step of a request's way that has ended now, and took so long: `reason` is why it failed, empty where it did
/// not.
pub fn tell_step(
    span_name: &str,
    context: TraceContext,
    parent: u64,
    took: Duration,
    key: &str,
    bytes: usize,
    reason: &str,
) {
    let ended = now();
    let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    let TraceContext { trace, span } = context;
    tracing::trace!(
        target: TARGET,
        span_name,
        trace,
        span,
        parent,
        began = ended.saturating_sub(took),
        ended,
        key,
        bytes = bytes as u64,
        path = "",
        reason,
    );
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let nanoseconds = since.unwrap_or(Duration::ZERO).as_nanos();
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}

/// The finaliser of SplitMix64: what differs in a bit differs in half of them afterwards.
fn mixed(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_has_a_trace_of_its_own_that_both_sides_compute() {
        let mut traces = std::collections::HashSet::new();
        for session in [0, 1, 1 << 64, u128::MAX] {
            for publisher in [0, 1, u32::MAX] {
                for number in 0..100 {
                    let context = TraceContext::of_frame(session, publisher, number);
                    assert_eq!(context, TraceContext::of_frame(session, publisher, number));
                    assert!(context.trace != 0 && context.span != 0);
                    assert!(traces.insert(context.trace));
                }
            }
        }
    }

    #[test]
    fn a_sampled_traceparent_is_a_context_and_anything_else_is_none() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let good = format!("00-{trace}-b7ad6b7169203331-01");
        let context = TraceContext::of_traceparent(&good).unwrap();
        assert_eq!(context.trace, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(context.span, 0xb7ad_6b71_6920_3331);
        for bad in [
            String::new(),
            format!("00-{trace}-b7ad6b7169203331-00"),
            format!("ff-{trace}-b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}-b7ad6b716920333-01"),
            format!("00-{trace}x-b7ad6b7169203331-01"),
            format!("00-{}g-b7ad6b7169203331-01", "0".repeat(31)),
        ] {
            assert_eq!(TraceContext::of_traceparent(&bad), None, "{bad}");
        }
    }
}
