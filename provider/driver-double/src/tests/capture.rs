//! What a capture forbids to whom: as a driver of version 580 answered.

use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::capture::{
    cuStreamBeginCapture_v2, cuStreamEndCapture, cuStreamGetCaptureInfo_v2, cuStreamIsCapturing,
    cuThreadExchangeStreamCaptureMode,
};
use crate::context::cuCtxSynchronize;
use crate::copy::cuMemcpyHtoDAsync_v2;
use crate::event::{cuEventDestroy_v2, cuEventQuery, cuEventSynchronize};
use crate::graph::{
    cuGraphDestroy, cuGraphExecDestroy, cuGraphInstantiateWithFlags, cuGraphLaunch,
    cuGraphRetainUserObject, cuUserObjectCreate,
};
use crate::memory::{cuMemAllocAsync, cuMemFree_v2, cuMemFreeAsync};
use crate::registration::cuMemHostUnregister;
use crate::stream_calls::{
    cuStreamDestroy_v2, cuStreamQuery, cuStreamSynchronize, cuStreamWaitEvent,
};

const GLOBAL: u32 = 0;
const THREAD_LOCAL: u32 = 1;
const RELAXED: u32 = 2;

fn allocated_on(stream: usize) -> usize {
    let mut block = 0;
    assert_eq!(cu!(cuMemAllocAsync(Out::to(&mut block), 64, stream)), 0);
    block
}

fn exchange(mode: u32) -> u32 {
    let mut mode = mode;
    assert_eq!(cu!(cuThreadExchangeStreamCaptureMode(&raw mut mode)), 0);
    mode
}

/// Captures in one mode while `call` is made in another, by another thread or this one; gives the call's status
/// and that of the capture's end.
fn beside(
    mode: u32,
    callers: u32,
    elsewhere: bool,
    call: impl FnOnce() -> u32 + Send,
) -> (u32, u32) {
    let captured = stream(NON_BLOCKING);
    assert_eq!(cu!(cuStreamBeginCapture_v2(captured, mode)), 0);
    let call = move || {
        bind();
        let before = exchange(callers);
        let status = call();
        exchange(before);
        status
    };
    let status = match elsewhere {
        true => thread::scope(|scope| scope.spawn(call).join().unwrap()),
        false => call(),
    };
    let mut graph = 0;
    let end = cu!(cuStreamEndCapture(captured, Out::to(&mut graph)));
    if end == 0 {
        assert_eq!(cu!(cuGraphDestroy(graph)), 0);
    }
    assert_eq!(cu!(cuStreamDestroy_v2(captured)), 0);
    (status, end)
}

/// A call that nobody has made yet, on a side stream.
type Call = Box<dyn FnOnce() -> u32 + Send>;

fn unsafe_calls() -> Vec<(&'static str, Call)> {
    let side = stream(NON_BLOCKING);
    let done = recorded_event(side);
    assert_eq!(cu!(cuStreamSynchronize(side)), 0);
    let (plain, pooled) = (device_block(64), allocated_on(side));
    let pages = Pages::map(1, 1);
    let start = pages.start;
    vec![
        ("cuEventQuery", Box::new(move || cu!(cuEventQuery(done)))),
        (
            "cuEventSynchronize",
            Box::new(move || cu!(cuEventSynchronize(done))),
        ),
        (
            "cuStreamSynchronize",
            Box::new(move || cu!(cuStreamSynchronize(side))),
        ),
        ("cuStreamQuery", Box::new(move || cu!(cuStreamQuery(side)))),
        (
            "cuMemAlloc",
            Box::new(move || {
                let mut block = 0;
                cu!(cuMemAlloc_v2(Out::to(&mut block), 64))
            }),
        ),
        ("cuMemFree", Box::new(move || cu!(cuMemFree_v2(plain)))),
        (
            "cuMemAllocAsync",
            Box::new(move || {
                let mut block = 0;
                cu!(cuMemAllocAsync(Out::to(&mut block), 64, side))
            }),
        ),
        (
            "cuMemFreeAsync",
            Box::new(move || cu!(cuMemFreeAsync(pooled, side))),
        ),
        (
            "cuMemHostRegister",
            Box::new(move || {
                let registered = cu!(cuMemHostRegister_v2(start, pages.bytes, 1));
                if registered == 0 {
                    assert_eq!(cu!(cuMemHostUnregister(start)), 0);
                }
                registered
            }),
        ),
    ]
}

#[test]
fn unsafe_calls_disturb_captures_of_global_mode_anywhere_and_ones_own_unless_relaxed() {
    let _turn = turn();
    let disturbed = (900, 901);
    for (mode, callers, elsewhere, expected) in [
        (GLOBAL, GLOBAL, true, disturbed),
        (GLOBAL, GLOBAL, false, disturbed),
        (GLOBAL, THREAD_LOCAL, true, (0, 0)),
        (GLOBAL, RELAXED, true, (0, 0)),
        (GLOBAL, RELAXED, false, (0, 0)),
        (THREAD_LOCAL, GLOBAL, true, (0, 0)),
        (THREAD_LOCAL, GLOBAL, false, disturbed),
        (THREAD_LOCAL, RELAXED, false, (0, 0)),
        (RELAXED, GLOBAL, true, (0, 0)),
        (RELAXED, GLOBAL, false, (0, 0)),
    ] {
        for (name, call) in unsafe_calls() {
            let before = violations_of("capture_invalidated");
            let found = beside(mode, callers, elsewhere, call);
            assert_eq!(found, expected, "{name}: {mode}, {callers}, {elsewhere}");
            let violations = violations_of("capture_invalidated") - before;
            assert_eq!(violations, usize::from(expected == disturbed), "{name}");
        }
    }
}

#[test]
fn a_context_is_waited_for_by_nobody_while_one_of_its_streams_is_captured() {
    let _turn = turn();
    for mode in [GLOBAL, THREAD_LOCAL, RELAXED] {
        for callers in [GLOBAL, RELAXED] {
            let found = beside(mode, callers, true, || cu!(cuCtxSynchronize()));
            assert_eq!(found, (900, 901));
        }
    }
}

#[test]
fn what_is_safe_is_safe_for_everybody() {
    let _turn = turn();
    let side = stream(NON_BLOCKING);
    let (block, source) = (device_block(4096), Pages::registered(1, 1));
    let start = source.start;
    for elsewhere in [true, false] {
        let copied = beside(GLOBAL, GLOBAL, elsewhere, move || {
            cu!(cuMemcpyHtoDAsync_v2(block, start, 4096, side))
        });
        assert_eq!(copied, (0, 0));
        let event = beside(GLOBAL, GLOBAL, elsewhere, move || {
            cu!(cuEventDestroy_v2(recorded_event(side)))
        });
        assert_eq!(event, (0, 0));
    }
    assert_eq!(cu!(cuStreamSynchronize(side)), 0);
}

#[test]
fn a_captured_stream_and_its_events_answer_no_question() {
    let _turn = turn();
    let outside = recorded_event(stream(NON_BLOCKING));
    let capturing = |question: &dyn Fn(usize) -> u32| {
        let captured = stream(NON_BLOCKING);
        exchange(RELAXED);
        assert_eq!(cu!(cuStreamBeginCapture_v2(captured, GLOBAL)), 0);
        let mut status = 9;
        assert_eq!(cu!(cuStreamIsCapturing(captured, Out::to(&mut status))), 0);
        assert_eq!(status, 1);
        let answer = question(captured);
        let mut graph = 1;
        let end = cu!(cuStreamEndCapture(captured, Out::to(&mut graph)));
        exchange(GLOBAL);
        assert_eq!(cu!(cuStreamIsCapturing(captured, Out::to(&mut status))), 0);
        assert_eq!(status, 0);
        (answer, end)
    };
    assert_eq!(
        capturing(&|stream| cu!(cuStreamSynchronize(stream))),
        (900, 901)
    );
    assert_eq!(
        capturing(&|stream| cu!(cuStreamWaitEvent(stream, outside, 0))),
        (905, 901)
    );
    assert_eq!(
        capturing(&|stream| cu!(cuEventQuery(recorded_event(stream)))),
        (907, 901)
    );
    let destroyed = capturing(&|stream| cu!(cuEventDestroy_v2(recorded_event(stream))));
    assert_eq!(destroyed, (0, 0));
}

#[test]
fn the_legacy_stream_disturbs_captures_of_blocking_streams_only() {
    let _turn = turn();
    let (block, source) = (device_block(4096), Pages::registered(1, 1));
    for (flags, expected) in [(0, (906, 901)), (NON_BLOCKING, (0, 0))] {
        let captured = stream(flags);
        assert_eq!(cu!(cuStreamBeginCapture_v2(captured, GLOBAL)), 0);
        let mut status = 0;
        let asked = cu!(cuStreamIsCapturing(0, Out::to(&mut status)));
        assert_eq!(asked, expected.0, "which disturbs nothing");
        let copied = cu!(cuMemcpyHtoDAsync_v2(block, source.start, 4096, 0));
        let mut graph = 0;
        let end = cu!(cuStreamEndCapture(captured, Out::to(&mut graph)));
        assert_eq!((copied, end), expected);
    }
    assert_eq!(cu!(cuStreamSynchronize(0)), 0);
}

#[test]
fn memory_of_a_pool_is_freed_at_once_and_other_memory_when_the_context_has_rested() {
    let _turn = turn();
    let side = stream(NON_BLOCKING);
    let (plain, pooled) = (device_block(64), allocated_on(side));
    let gate = Gate::on(side);
    assert_eq!(cu!(cuMemFree_v2(pooled)), 0);
    thread::scope(|scope| {
        let freeing = scope.spawn(|| {
            bind();
            cu!(cuMemFree_v2(plain))
        });
        thread::sleep(Duration::from_millis(20));
        assert!(!freeing.is_finished());
        gate.open();
        assert_eq!(freeing.join().unwrap(), 0);
    });
}

static FREED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn freed(_: *mut c_void) {
    FREED.fetch_add(1, Ordering::SeqCst);
}

fn eventually_freed(count: usize) {
    let until = Instant::now() + Duration::from_secs(20);
    while FREED.load(Ordering::SeqCst) != count {
        assert!(Instant::now() < until);
        thread::yield_now();
    }
}

#[test]
fn a_graph_copies_what_is_there_at_each_launch_and_keeps_its_objects_until_it_has_gone() {
    let _turn = turn();
    let (captured, side) = (stream(NON_BLOCKING), stream(NON_BLOCKING));
    let (block, source) = (device_block(4096), Pages::registered(1, 1));
    let pageable = Pages::map(1, 5);
    assert_eq!(cu!(cuStreamBeginCapture_v2(captured, GLOBAL)), 0);
    let (mut status, mut graph) = (0, 0);
    let none = || Out::at(0);
    assert_eq!(
        cu!(cuStreamGetCaptureInfo_v2(
            captured,
            Out::to(&mut status),
            none(),
            Out::to(&mut graph),
            0,
            Out::at(0)
        )),
        0
    );
    let mut object = 0;
    assert_eq!(
        cu!(cuUserObjectCreate(
            Out::to(&mut object),
            0,
            Some(freed),
            1,
            1
        )),
        0
    );
    assert_eq!(cu!(cuGraphRetainUserObject(graph, object, 1, 1)), 0);
    assert_eq!(
        cu!(cuMemcpyHtoDAsync_v2(block, pageable.start, 4096, captured)),
        0
    );
    assert_eq!(
        cu!(cuMemcpyHtoDAsync_v2(block, source.start, 2048, captured)),
        0
    );
    let (mut ended, mut executable) = (0, 0);
    assert_eq!(cu!(cuStreamEndCapture(captured, Out::to(&mut ended))), 0);
    assert_eq!(ended, graph);
    assert_eq!(first_byte(block), 0, "captured work is not executed");
    assert_eq!(
        cu!(cuGraphInstantiateWithFlags(
            Out::to(&mut executable),
            graph,
            0
        )),
        0
    );
    assert_eq!(cu!(cuGraphDestroy(graph)), 0);
    for value in [7, 8] {
        source.fill(value);
        assert_eq!(cu!(cuGraphLaunch(executable, side)), 0);
        assert_eq!(cu!(cuStreamSynchronize(side)), 0);
        assert_eq!(first_byte(block), value);
    }
    assert_eq!(FREED.load(Ordering::SeqCst), 0);
    let gate = Gate::on(side);
    assert_eq!(cu!(cuGraphLaunch(executable, side)), 0);
    assert_eq!(cu!(cuGraphExecDestroy(executable)), 0);
    thread::sleep(Duration::from_millis(20));
    assert_eq!(
        FREED.load(Ordering::SeqCst),
        0,
        "it is still to be executed"
    );
    gate.open();
    eventually_freed(1);
}
