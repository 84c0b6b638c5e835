use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::*;
use crate::copy::cuMemcpyHtoDAsync_v2;
use crate::event::{cuEventElapsedTime, cuEventQuery, cuEventSynchronize};
use crate::memory::cuMemsetD8Async;
use crate::status::NOT_READY;
use crate::stream_calls::{
    cuStreamDestroy_v2, cuStreamQuery, cuStreamSynchronize, cuStreamWaitEvent,
};

#[test]
fn a_registered_source_is_read_when_the_copy_runs() {
    let _turn = turn();
    let source = Pages::registered(1, 1);
    let (block, stream) = (device_block(source.bytes), stream(NON_BLOCKING));
    let gate = Gate::on(stream);
    let before = count("copies_htod_registered");
    assert_eq!(
        cu!(cuMemcpyHtoDAsync_v2(
            block,
            source.start,
            source.bytes,
            stream
        )),
        0
    );
    assert_eq!(count("copies_htod_registered"), before + 1);
    source.fill(2);
    gate.open();
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    assert_eq!(first_byte(block), 2);
}

#[test]
fn a_pageable_source_is_read_before_the_call_returns() {
    let _turn = turn();
    let source = Pages::map(1, 1);
    let (block, stream) = (device_block(source.bytes), stream(NON_BLOCKING));
    let gate = Gate::on(stream);
    let before = count("copies_htod_pageable");
    assert_eq!(
        cu!(cuMemcpyHtoDAsync_v2(
            block,
            source.start,
            source.bytes,
            stream
        )),
        0
    );
    assert_eq!(count("copies_htod_pageable"), before + 1);
    source.fill(2);
    assert_eq!(
        first_byte(block),
        0,
        "the device write is late all the same"
    );
    gate.open();
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    assert_eq!(first_byte(block), 1);
}

#[test]
fn a_stream_keeps_its_order_when_a_later_copy_is_due_earlier() {
    let _turn = turn();
    let (first, second) = (Pages::registered(1, 1), Pages::registered(1, 2));
    let (block, stream) = (device_block(first.bytes), stream(NON_BLOCKING));
    assert_eq!(control("copy_delay_us=50000"), 0);
    assert_eq!(
        cu!(cuMemcpyHtoDAsync_v2(
            block,
            first.start,
            first.bytes,
            stream
        )),
        0
    );
    assert_eq!(control("copy_delay_us=0"), 0);
    assert_eq!(
        cu!(cuMemcpyHtoDAsync_v2(
            block,
            second.start,
            second.bytes,
            stream
        )),
        0
    );
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    assert_eq!(first_byte(block), 2);
}

#[test]
fn host_functions_run_in_stream_order() {
    static SEEN: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    unsafe extern "C" fn note(data: *mut c_void) {
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(data.addr());
    }
    let _turn = turn();
    let stream = stream(NON_BLOCKING);
    for number in 0..100 {
        assert_eq!(cu!(cuLaunchHostFunc(stream, Some(note), number)), 0);
    }
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    assert_eq!(*SEEN.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[test]
fn each_copy_is_due_one_delay_after_its_own_call() {
    let _turn = turn();
    let delay = Duration::from_millis(20);
    let source = Pages::registered(1, 1);
    let (block, stream) = (device_block(source.bytes), stream(NON_BLOCKING));
    let gate = Gate::on(stream);
    assert_eq!(control("copy_delay_us=20000"), 0);
    let mut calls = Vec::new();
    for _ in 0..100 {
        let before = Instant::now();
        assert_eq!(cu!(cuMemcpyHtoDAsync_v2(block, source.start, 1, stream)), 0);
        calls.push((before, Instant::now()));
    }
    let due = double().lock().streams.due_on(stream);
    assert_eq!(due.len(), calls.len());
    for (due, (before, after)) in due.into_iter().zip(&calls) {
        assert!((*before + delay..=*after + delay).contains(&due));
    }
    gate.open();
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    assert!(calls[99].0.elapsed() >= delay);
}

#[test]
fn an_event_is_ready_once_its_stream_got_there() {
    let _turn = turn();
    let stream = stream(NON_BLOCKING);
    let start = recorded_event(stream);
    let gate = Gate::on(stream);
    let end = recorded_event(stream);
    assert_eq!(cu!(cuEventSynchronize(start)), 0);
    assert_eq!(cu!(cuEventQuery(start)), 0);
    assert_eq!(cu!(cuEventQuery(end)), NOT_READY);
    assert_eq!(cu!(cuStreamQuery(stream)), NOT_READY);
    let mut elapsed = -1.0;
    assert_eq!(
        cu!(cuEventElapsedTime(Out::to(&mut elapsed), start, end)),
        NOT_READY
    );
    std::thread::sleep(Duration::from_millis(10));
    gate.open();
    assert_eq!(cu!(cuEventSynchronize(end)), 0);
    assert_eq!(cu!(cuEventQuery(end)), 0);
    assert_eq!(
        cu!(cuEventElapsedTime(Out::to(&mut elapsed), start, end)),
        0
    );
    assert!(elapsed >= 9.0, "{elapsed}");
}

#[test]
fn a_wait_is_for_the_record_that_was_latest_when_it_was_asked_for() {
    let _turn = turn();
    let (source, target) = (stream(NON_BLOCKING), stream(NON_BLOCKING));
    let block = device_block(1);
    let first = Gate::on(source);
    let event = recorded_event(source);
    assert_eq!(cu!(cuStreamWaitEvent(target, event, 0)), 0);
    let second = Gate::on(source);
    assert_eq!(cu!(cuEventRecord(event, source)), 0);
    assert_eq!(cu!(cuMemsetD8Async(block, 7, 1, target)), 0);
    assert_eq!(cu!(cuStreamQuery(target)), NOT_READY);
    first.open();
    assert_eq!(cu!(cuStreamSynchronize(target)), 0);
    assert_eq!(cu!(cuEventQuery(event)), NOT_READY);
    assert_eq!(first_byte(block), 7);
    second.open();
    assert_eq!(cu!(cuStreamSynchronize(source)), 0);
}

#[test]
fn a_destroyed_stream_finishes_its_work() {
    let _turn = turn();
    let source = Pages::registered(1, 3);
    let (block, stream) = (device_block(source.bytes), stream(NON_BLOCKING));
    let gate = Gate::on(stream);
    assert_eq!(
        cu!(cuMemcpyHtoDAsync_v2(
            block,
            source.start,
            source.bytes,
            stream
        )),
        0
    );
    let done = recorded_event(stream);
    assert_eq!(cu!(cuStreamDestroy_v2(stream)), 0);
    assert_eq!(cu!(cuEventQuery(done)), NOT_READY);
    let stale = violations_of("stale_stream");
    assert_eq!(cu!(cuStreamSynchronize(stream)), 400);
    assert_eq!(violations_of("stale_stream"), stale + 1);
    gate.open();
    assert_eq!(cu!(cuEventSynchronize(done)), 0);
    assert_eq!(first_byte(block), 3);
}

#[test]
fn the_legacy_stream_waits_for_blocking_streams_only() {
    let _turn = turn();
    let (blocking, free) = (stream(0), stream(NON_BLOCKING));
    let held = Gate::on(free);
    assert_eq!(cu!(cuStreamSynchronize(0)), 0);
    let gate = Gate::on(blocking);
    let legacy = recorded_event(0);
    let other = recorded_event(stream(0));
    assert_eq!(cu!(cuEventQuery(legacy)), NOT_READY);
    assert_eq!(cu!(cuEventQuery(other)), NOT_READY);
    gate.open();
    assert_eq!(cu!(cuEventSynchronize(other)), 0);
    assert_eq!(cu!(cuEventQuery(legacy)), 0);
    assert_eq!(cu!(cuStreamQuery(free)), NOT_READY);
    held.open();
    assert_eq!(cu!(cuStreamSynchronize(free)), 0);
}
