use std::thread;

use super::*;
use crate::copy::{cuMemcpyDtoHAsync_v2, cuMemcpyHtoDAsync_v2};
use crate::registration::{
    cuMemAllocHost_v2, cuMemFreeHost, cuMemHostAlloc, cuMemHostGetFlags, cuMemHostUnregister,
};
use crate::status::{ALREADY_REGISTERED, INVALID_VALUE, NOT_REGISTERED};
use crate::stream_calls::cuStreamSynchronize;

#[test]
fn ranges_that_cannot_be_registered_are_refused() {
    let _turn = turn();
    let before = count("registrations_made");
    // No process can map this.
    let nowhere = 1 << 60;
    assert_eq!(
        cu!(cuMemHostRegister_v2(nowhere, page_size(), 0)),
        INVALID_VALUE
    );
    let pages = Pages::map(2, 0);
    assert_eq!(cu!(cuMemHostRegister_v2(0, pages.bytes, 0)), INVALID_VALUE);
    assert_eq!(cu!(cuMemHostRegister_v2(pages.start, 0, 0)), INVALID_VALUE);
    assert_eq!(
        cu!(cuMemHostRegister_v2(pages.start, usize::MAX, 0)),
        INVALID_VALUE
    );
    assert_eq!(
        cu!(cuMemHostRegister_v2(pages.start, pages.bytes, 0x10)),
        INVALID_VALUE
    );
    assert_eq!(count("registrations_made"), before);
}

#[test]
fn registrations_do_not_overlap_and_end_once() {
    let _turn = turn();
    let (held, bytes) = (count("registrations"), count("registered_bytes"));
    let pages = Pages::map(3, 0);
    let page = page_size();
    assert_eq!(cu!(cuMemHostRegister_v2(pages.start + page, page, 1)), 0);
    assert_eq!(count("registrations"), held + 1);
    assert_eq!(count("registered_bytes"), bytes + page as u64);
    assert_eq!(
        cu!(cuMemHostRegister_v2(pages.start, pages.bytes, 0)),
        ALREADY_REGISTERED
    );
    assert_eq!(
        cu!(cuMemHostRegister_v2(pages.start + page, page, 0)),
        ALREADY_REGISTERED
    );
    let mut flags = 0;
    assert_eq!(
        cu!(cuMemHostGetFlags(Out::to(&mut flags), pages.start + page)),
        0
    );
    assert_eq!(flags, 1);
    assert_eq!(cu!(cuMemHostUnregister(pages.start)), NOT_REGISTERED);
    assert_eq!(cu!(cuMemHostUnregister(pages.start + page)), 0);
    assert_eq!(cu!(cuMemHostUnregister(pages.start + page)), NOT_REGISTERED);
    assert_eq!(count("registrations"), held);
}

#[test]
fn an_unaligned_registration_is_a_violation() {
    let _turn = turn();
    let pages = Pages::map(2, 0);
    let before = violations_of("unaligned_registration");
    assert_eq!(cu!(cuMemHostRegister_v2(pages.start, page_size(), 0)), 0);
    assert_eq!(violations_of("unaligned_registration"), before);
    let start = pages.start + page_size();
    assert_eq!(cu!(cuMemHostRegister_v2(start, 100, 0)), 0);
    assert_eq!(violations_of("unaligned_registration"), before + 1);
}

#[test]
fn the_registering_thread_is_on_record() {
    let _turn = turn();
    let register = || {
        bind();
        Pages::registered(1, 0);
    };
    let named = thread::Builder::new().name("registrar".to_owned());
    named.spawn(register).unwrap().join().unwrap();
    let state = double().lock();
    let made = state.ledger.made.last().unwrap();
    assert_eq!(
        (made.bytes, made.thread.as_str()),
        (page_size(), "registrar")
    );
}

#[test]
fn a_range_partly_in_a_registration_is_refused() {
    let _turn = turn();
    let pages = Pages::map(3, 0);
    let page = page_size();
    let (block, stream) = (device_block(pages.bytes), stream(NON_BLOCKING));
    let copy = |start, bytes| cu!(cuMemcpyHtoDAsync_v2(block, start, bytes, stream));
    assert_eq!(cu!(cuMemHostRegister_v2(pages.start, page, 0)), 0);
    assert_eq!(copy(pages.start, page + 1), INVALID_VALUE);
    assert_eq!(copy(pages.start + page, page), 0);
    assert_eq!(cu!(cuMemHostRegister_v2(pages.start + page, page, 0)), 0);
    assert_eq!(copy(pages.start + 1, page), INVALID_VALUE);
    assert_eq!(copy(pages.start + 1, page - 1), 0);
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
}

#[test]
fn unregistering_waits_for_copies_and_is_a_violation() {
    let _turn = turn();
    let source = Pages::registered(1, 5);
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
    let before = violations_of("unregister_while_copying");
    let start = source.start;
    let unregistering = thread::spawn(move || {
        bind();
        cu!(cuMemHostUnregister(start))
    });
    while violations_of("unregister_while_copying") == before {
        assert!(!unregistering.is_finished());
        thread::yield_now();
    }
    assert!(double().lock().registrations.containing(start).is_some());
    assert_eq!(count("pending_copies"), 1);
    gate.open();
    assert_eq!(unregistering.join().unwrap(), 0);
    assert_eq!(count("pending_copies"), 0);
    assert_eq!(first_byte(block), 5);
}

#[test]
fn memory_that_goes_while_a_copy_is_pending_is_a_violation() {
    let _turn = turn();
    let source = Pages::registered(3, 6);
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
    source.unmap_page(1);
    let before = violations_of("unmapped_while_copying");
    gate.open();
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    assert_eq!(violations_of("unmapped_while_copying"), before + 1);
    assert_eq!(cu!(cuMemHostUnregister(source.start)), 0);
}

#[test]
fn a_registered_target_is_written_late() {
    let _turn = turn();
    let target = Pages::registered(1, 9);
    let (block, stream) = (device_block(target.bytes), stream(NON_BLOCKING));
    let gate = Gate::on(stream);
    assert_eq!(
        cu!(cuMemcpyDtoHAsync_v2(
            target.start,
            block,
            target.bytes,
            stream
        )),
        0
    );
    let byte = std::ptr::with_exposed_provenance::<u8>(target.start);
    // SAFETY: the pages stay mapped, and the copy is held back by the gate.
    assert_eq!(unsafe { byte.read_volatile() }, 9);
    gate.open();
    assert_eq!(cu!(cuStreamSynchronize(stream)), 0);
    // SAFETY: the pages stay mapped, and the copy has ended.
    assert_eq!(unsafe { byte.read_volatile() }, 0);
}

#[test]
fn allocated_host_memory_is_page_locked_but_not_a_registration() {
    let _turn = turn();
    let held = count("registrations");
    let mut host = 0;
    assert_eq!(cu!(cuMemHostAlloc(Out::to(&mut host), 100, 0)), 0);
    assert_eq!(count("registrations"), held);
    let (block, before) = (device_block(100), count("copies_htod_registered"));
    assert_eq!(cu!(cuMemcpyHtoDAsync_v2(block, host, 100, 0)), 0);
    assert_eq!(count("copies_htod_registered"), before + 1);
    assert_eq!(cu!(cuStreamSynchronize(0)), 0);
    assert_eq!(cu!(cuMemHostUnregister(host)), NOT_REGISTERED);
    assert_eq!(cu!(cuMemFreeHost(host)), 0);
    assert_eq!(cu!(cuMemFreeHost(host)), INVALID_VALUE);
    assert_eq!(cu!(cuMemAllocHost_v2(Out::to(&mut host), 100)), 0);
    assert_eq!(cu!(cuMemFreeHost(host)), 0);
}
