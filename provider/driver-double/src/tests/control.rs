use std::time::{Duration, Instant};

use super::*;
use crate::device::{cuDeviceGetAttribute, cuDeviceGetPCIBusId, cuDriverGetVersion};
use crate::registration::cuMemHostUnregister;
use crate::report::cuda_double_report;
use crate::status::{INVALID_VALUE, NO_DEVICE};

fn version() -> u32 {
    let mut version = 0;
    cu!(cuDriverGetVersion(Out::to(&mut version)))
}

#[test]
fn a_failure_skips_calls_and_then_fails_so_many() {
    let _turn = turn();
    let calls = count("cuDriverGetVersion");
    assert_eq!(control("fail=cuDriverGetVersion:801:2:3"), 0);
    let results: Vec<u32> = (0..7).map(|_| version()).collect();
    assert_eq!(results, [0, 0, 0, 801, 801, 0, 0]);
    assert_eq!(count("cuDriverGetVersion"), calls + 7);
    assert_eq!(control("fail=cuDriverGetVersion:2"), 0);
    assert!((0..10).all(|_| version() == 2));
    assert_eq!(control("reset"), 0);
    assert_eq!(version(), 0);
}

#[test]
fn a_failed_call_has_no_effect() {
    let _turn = turn();
    let (made, pages) = (count("registrations_made"), Pages::map(1, 0));
    assert_eq!(control("fail=cuMemHostRegister_v2:2:1"), 0);
    assert_eq!(cu!(cuMemHostRegister_v2(pages.start, pages.bytes, 0)), 2);
    assert_eq!(count("registrations_made"), made);
    assert_eq!(cu!(cuMemHostUnregister(pages.start)), 713);
    assert_eq!(cu!(cuMemHostRegister_v2(pages.start, pages.bytes, 0)), 0);
}

#[test]
fn a_delay_is_for_long_ranges_only_where_it_says_so() {
    let _turn = turn();
    let state = || double().lock();
    assert_eq!(control("delay=cuMemHostRegister_v2:20000:8192"), 0);
    let name = "cuMemHostRegister_v2";
    assert_eq!(state().control.delay_of(name, 8191), Duration::ZERO);
    assert_eq!(
        state().control.delay_of(name, 8192),
        Duration::from_millis(20)
    );
    let pages = Pages::map(2, 0);
    let before = Instant::now();
    assert_eq!(cu!(cuMemHostRegister_v2(pages.start, pages.bytes, 0)), 0);
    assert!(before.elapsed() >= Duration::from_millis(20));
}

#[test]
fn malformed_settings_change_nothing() {
    let _turn = turn();
    for bad in [
        "nonsense",
        "copy_delay_us",
        "copy_delay_us=-1",
        "devices=-1",
        "fail=cuNoSuchFunction:1",
        "fail=cuInit:12345",
        "fail=cuInit",
        "fail=cuInit:1:1:1:1",
        "delay=cuInit:x",
        "fail_context=1",
        "copy_delay_us=7,nonsense",
    ] {
        assert_eq!(control(bad), -1, "{bad}");
    }
    assert_eq!(double().lock().control.copy_delay, Duration::ZERO);
    assert_eq!(cu!(cuda_double_control(std::ptr::null())), -1);
}

#[test]
fn devices_and_attributes_are_set() {
    let _turn = turn();
    let registers = || {
        let mut value = -1;
        assert_eq!(cu!(cuDeviceGetAttribute(Out::to(&mut value), 99, 0)), 0);
        value
    };
    assert_eq!(registers(), 1);
    assert_eq!(control("attribute=99:0"), 0);
    assert_eq!(registers(), 0);
    assert_eq!(control("devices=0"), 0);
    assert_eq!(cu!(cuInit(0)), NO_DEVICE);
    assert_eq!(control("devices=1"), 0);
    assert_eq!(cu!(cuInit(0)), 0);
}

#[test]
fn the_report_says_what_the_counts_say() {
    let _turn = turn();
    double()
        .lock()
        .ledger
        .violation("a \"quoted\"\nline".to_owned());
    let length = cu!(cuda_double_report(Out::at(0), 0));
    let mut buffer = vec![0u8; length + 1];
    let place = buffer.as_mut_ptr().expose_provenance();
    assert_eq!(
        cu!(cuda_double_report(Out::at(place), buffer.len())),
        length
    );
    assert_eq!(buffer.pop(), Some(0));
    let json = String::from_utf8(buffer).unwrap();
    assert!(
        json.contains(&format!("\"cuInit\": {}", count("cuInit"))),
        "{json}"
    );
    assert!(json.contains("\"a \\\"quoted\\\"\\u000aline\""), "{json}");
    let made = count("registrations_made");
    assert!(
        json.contains(&format!("\"registrations_made\": {made},")),
        "{json}"
    );
}

#[test]
fn a_device_has_a_bus_that_fits_the_place_for_it() {
    let _turn = turn();
    let mut id = [0u8; 13];
    let mut place = || Out::at(id.as_mut_ptr().expose_provenance());
    let (whole, short) = (place(), place());
    assert_eq!(cu!(cuDeviceGetPCIBusId(short, 12, 0)), INVALID_VALUE);
    assert_eq!(cu!(cuDeviceGetPCIBusId(whole, 13, 0)), 0);
    assert_eq!(&id, b"ffff:00:00.0\0");
}
