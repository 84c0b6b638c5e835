use super::*;
use crate::context::{cuCtxSynchronize, cuDevicePrimaryCtxRelease_v2, cuDevicePrimaryCtxReset_v2};
use crate::copy::cuMemcpyHtoDAsync_v2;
use crate::event::{cuEventDestroy_v2, cuEventQuery};
use crate::memory::{cuMemAllocAsync, cuMemFree_v2, cuMemFreeAsync, cuMemsetD8Async};
use crate::pointer::cuPointerGetAttribute;
use crate::registration::cuMemHostUnregister;
use crate::status::{ILLEGAL_ADDRESS, INVALID_CONTEXT, INVALID_VALUE, NOT_INITIALIZED};
use crate::stream_calls::cuStreamSynchronize;

#[test]
fn calls_need_start_up_and_a_context() {
    let _turn = turn();
    double().lock().initialized = false;
    assert_eq!(cu!(cuCtxSynchronize()), NOT_INITIALIZED);
    assert_eq!(cu!(cuInit(0)), 0);
    assert_eq!(cu!(cuCtxSynchronize()), 0);
    let elsewhere = std::thread::spawn(|| cu!(cuCtxSynchronize()));
    assert_eq!(elsewhere.join().unwrap(), INVALID_CONTEXT);
    assert_eq!(cu!(cuCtxSetCurrent(0)), 0);
    assert_eq!(cu!(cuCtxSynchronize()), INVALID_CONTEXT);
}

#[test]
fn a_context_ends_with_its_last_release() {
    let _turn = turn();
    assert_eq!(count("contexts"), 1);
    while count("contexts") == 1 {
        assert_eq!(cu!(cuCtxSynchronize()), 0);
        assert_eq!(cu!(cuDevicePrimaryCtxRelease_v2(0)), 0);
    }
    assert_eq!(cu!(cuCtxSynchronize()), 709);
    assert_eq!(cu!(cuDevicePrimaryCtxRelease_v2(0)), INVALID_CONTEXT);
}

#[test]
fn device_memory_is_refused_once_freed_and_outside_its_range() {
    let _turn = turn();
    let (held, stream) = (count("device_bytes"), stream(NON_BLOCKING));
    let mut block = 0;
    assert_eq!(cu!(cuMemAllocAsync(Out::to(&mut block), 100, stream)), 0);
    assert_eq!(count("device_bytes"), held + 100);
    let out_of_range = violations_of("out_of_range");
    assert_eq!(cu!(cuMemsetD8Async(block, 0, 101, stream)), INVALID_VALUE);
    assert_eq!(violations_of("out_of_range"), out_of_range + 1);
    let gate = Gate::on(stream);
    assert_eq!(cu!(cuMemFreeAsync(block, stream)), 0);
    assert_eq!(count("device_bytes"), held + 100);
    let used = violations_of("use_after_free");
    assert_eq!(cu!(cuMemsetD8Async(block, 0, 1, stream)), INVALID_VALUE);
    assert_eq!(violations_of("use_after_free"), used + 1);
    gate.open();
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    assert_eq!(count("device_bytes"), held);
    let unknown = violations_of("not_device_memory");
    assert_eq!(cu!(cuMemsetD8Async(block, 0, 1, stream)), INVALID_VALUE);
    assert_eq!(violations_of("not_device_memory"), unknown + 1);
    assert_eq!(cu!(cuMemFree_v2(block)), INVALID_VALUE);
}

#[test]
fn work_that_runs_after_an_unordered_free_is_a_violation() {
    let _turn = turn();
    let (block, late) = (device_block(8), stream(NON_BLOCKING));
    let gate = Gate::on(late);
    assert_eq!(cu!(cuMemsetD8Async(block, 1, 8, late)), 0);
    let freeing = stream(NON_BLOCKING);
    assert_eq!(cu!(cuMemFreeAsync(block, freeing)), 0);
    assert_eq!(cu!(cuStreamSynchronize(freeing)), 0);
    let used = violations_of("use_after_free");
    gate.open();
    assert_eq!(cu!(cuStreamSynchronize(late)), 0);
    assert_eq!(violations_of("use_after_free"), used + 1);
}

#[test]
fn a_failed_context_answers_700_while_copies_still_run_late() {
    let _turn = turn();
    let source = Pages::registered(1, 1);
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
    let event = recorded_event(stream);
    gate.wait_until_reached();
    assert_eq!(control("fail_context"), 0);
    assert_eq!(cu!(cuEventQuery(event)), ILLEGAL_ADDRESS);
    assert_eq!(cu!(cuStreamSynchronize(stream)), ILLEGAL_ADDRESS);
    assert_eq!(cu!(cuEventDestroy_v2(event)), ILLEGAL_ADDRESS);
    assert_eq!(count("pending_copies"), 1);
    source.fill(2);
    gate.open();
    while count("pending_copies") > 0 {
        std::thread::yield_now();
    }
    assert_eq!(control("reset"), 0);
    assert_eq!(first_byte(block), 2);
}

#[test]
fn pointers_are_told_apart() {
    let _turn = turn();
    let (host, device) = (Pages::registered(1, 0), device_block(8));
    let kind_of = |address| {
        let mut kind = 0u32;
        let place = std::ptr::from_mut(&mut kind).expose_provenance();
        let status = cu!(cuPointerGetAttribute(place, 2, address));
        (status, kind)
    };
    assert_eq!(kind_of(host.start + 1), (0, 1));
    assert_eq!(kind_of(device + 7), (0, 2));
    assert_eq!(kind_of(device + 8), (INVALID_VALUE, 0));
}

#[test]
fn a_lost_context_fails_alone_and_its_last_release_ends_that() {
    let _turn = turn();
    assert_eq!(control("devices=2,lose_context=1:719"), 0);
    assert_eq!(cu!(cuCtxSynchronize()), 0, "device 0 is another one");
    let mut context = 0;
    assert_eq!(cu!(cuDevicePrimaryCtxRetain(Out::to(&mut context), 1)), 0);
    assert_eq!(cu!(cuCtxSetCurrent(context)), 0);
    assert_eq!(cu!(cuCtxSynchronize()), 719);
    assert_eq!(cu!(cuDevicePrimaryCtxRelease_v2(1)), 0);
    assert_eq!(cu!(cuDevicePrimaryCtxRetain(Out::to(&mut context), 1)), 0);
    assert_eq!(cu!(cuCtxSynchronize()), 0);
    assert_eq!(cu!(cuDevicePrimaryCtxRelease_v2(1)), 0);
    assert_eq!(control("devices=1"), 0);
}

#[test]
fn a_reset_takes_away_what_was_made_in_the_context_and_a_retain_begins_anew() {
    let _turn = turn();
    let (block, stream) = (device_block(8), stream(NON_BLOCKING));
    let pages = Pages::registered(1, 7);
    let gate = Gate::on(stream);
    assert_eq!(cu!(cuMemcpyHtoDAsync_v2(block, pages.start, 8, stream)), 0);
    let event = recorded_event(stream);
    gate.wait_until_reached();
    assert_eq!(cu!(cuDevicePrimaryCtxReset_v2(0)), 0);
    assert_eq!(cu!(cuEventQuery(event)), 709);
    assert_eq!(cu!(cuCtxSynchronize()), 709);
    bind();
    assert_eq!(cu!(cuCtxSynchronize()), 0);
    assert_eq!(cu!(cuEventQuery(event)), 400);
    assert_eq!(cu!(cuMemHostUnregister(pages.start)), 713);
    let stale = violations_of("stale_event");
    assert_eq!(cu!(cuEventDestroy_v2(event)), 400);
    assert_eq!(violations_of("stale_event"), stale + 1);
    gate.open();
}
