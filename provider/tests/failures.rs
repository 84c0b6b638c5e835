//! Every failure of the driver ends in a lower path or a typed error: never a lost frame, a hang or a
//! panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use std::time::Duration;

use harness::{
    device::{self, BYTES, frame},
    driver, eventually, frames,
};
use zenoh_pinned::{CopyError, DevicePath, FallbackReason, PinnedPool, Pinner};

const TO_ORDER: &str = "a real driver does not fail to order";

fn with_double(settings: &str, body: impl FnOnce()) {
    if driver::only_real_is_here(TO_ORDER) {
        return;
    }
    driver::with_driver(settings, body).assert_clean();
}

fn pool() -> PinnedPool {
    PinnedPool::builder()
        .slots(2)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap()
}

/// Copies frames until one has this path and reason; every one of them must arrive whole.
fn eventually_by(path: DevicePath, matches: impl Fn(Option<FallbackReason>) -> bool) {
    let pool = pool();
    let (pinner, stream) = device::first();
    let mut sequence = 0;
    eventually("the expected path", || {
        sequence += 1;
        let frame = frame(&pool, &pinner, sequence);
        let device = frame.copy_to_device(&stream).unwrap();
        assert!(frames::is_on_device(&stream, &device, sequence));
        frame.path() == path && matches(frame.reason())
    });
}

fn driver_error(expected: u32) -> impl Fn(Option<FallbackReason>) -> bool {
    move |reason| matches!(reason, Some(FallbackReason::Driver { call: "cuMemHostRegister", code, .. }) if code == expected)
}

#[test]
fn a_registration_refused_for_lack_of_memory_is_copied_by_the_driver() {
    with_double("fail=cuMemHostRegister_v2:2", || {
        eventually_by(DevicePath::Pageable, driver_error(2))
    });
}

#[test]
fn a_registration_refused_as_already_made_is_copied_by_the_driver() {
    with_double("fail=cuMemHostRegister_v2:712", || {
        eventually_by(DevicePath::Pageable, driver_error(712))
    });
}

#[test]
fn a_platform_without_registration_is_told_as_such() {
    let unsupported = |reason| reason == Some(FallbackReason::Unsupported);
    with_double("fail=cuMemHostRegister_v2:801", || {
        eventually_by(DevicePath::Pageable, unsupported)
    });
}

#[test]
fn a_device_that_says_it_cannot_register_is_not_asked_to() {
    if driver::only_real_is_here(TO_ORDER) {
        return;
    }
    let report = driver::with_driver("attribute=99:0", || {
        eventually_by(DevicePath::Pageable, |reason| {
            reason == Some(FallbackReason::Unsupported)
        });
    });
    report.assert_clean();
    assert_eq!(report.calls("cuMemHostRegister_v2"), Some(0));
}

#[test]
fn a_segment_that_is_refused_is_staged_where_staging_slots_are_not() {
    // Only the first call succeeds: the staging slot.
    with_double("fail=cuMemHostRegister_v2:2:1000000:1", || {
        eventually_by(DevicePath::Staged, driver_error(2));
    });
}

#[test]
fn a_failed_allocation_is_a_typed_error_and_the_frame_can_be_copied_again() {
    with_double("", || {
        let pool = pool();
        let (pinner, stream) = device::first();
        let frame = frame(&pool, &pinner, 1);
        driver::set("fail=cuMemAllocAsync:2:1");
        let error = frame.copy_to_device(&stream).unwrap_err();
        assert!(
            matches!(&error, CopyError::DeviceAllocation { bytes: BYTES, name } if name == "CUDA_ERROR_OUT_OF_MEMORY"),
            "{error}"
        );
        let device = frame.copy_to_device(&stream).unwrap();
        assert!(frames::is_on_device(&stream, &device, 1));
    });
}

#[test]
fn a_failed_copy_is_a_typed_error_and_its_slot_comes_back() {
    with_double("copy_delay_us=1000", || {
        let pool = pool();
        let (pinner, stream) = device::first();
        for code in [1, 999] {
            let frame = frame(&pool, &pinner, 2);
            driver::set(&format!("fail=cuMemcpyHtoDAsync_v2:{code}:1"));
            let error = frame.copy_to_device(&stream).unwrap_err();
            assert!(
                matches!(error, CopyError::Driver { call: "cuMemcpyHtoDAsync", code: found, .. } if found == code),
                "{error}"
            );
            let device = frame.copy_to_device(&stream).unwrap();
            assert!(frames::is_on_device(&stream, &device, 2));
        }
        eventually("every hold", || pinner.statistics().copies_in_flight == 0);
        pool.drain(Duration::from_secs(30)).unwrap();
    });
}

#[test]
fn a_copy_whose_event_fails_is_waited_for_and_arrives() {
    with_double("copy_delay_us=3000", || {
        let pool = pool();
        let (pinner, stream) = device::first();
        // cudarc makes two events with every allocation, so the memory is there before.
        let mut device = stream.alloc_zeros::<u8>(BYTES).unwrap();
        for call in ["cuEventCreate", "cuEventRecord"] {
            let frame = frame(&pool, &pinner, 3);
            // cudarc records an event of its own for each copy, so both are made to fail.
            driver::set(&format!("fail={call}:2:2"));
            frame.copy_into(&mut device, &stream).unwrap();
            drop(frame);
            assert_eq!(pinner.statistics().copies_in_flight, 0, "waited for");
            driver::set("reset");
            assert!(frames::is_on_device(&stream, &device, 3));
        }
    });
}

#[test]
fn an_event_that_cannot_be_asked_about_keeps_its_hold() {
    if driver::only_real_is_here(TO_ORDER) {
        return;
    }
    // What the lost hold keeps stays registered, so only misuse is looked for.
    driver::with_driver("", || {
        let pool = pool();
        let (pinner, stream) = device::first();
        driver::set("fail=cuEventQuery:700:1,copy_delay_us=20000");
        let device = frame(&pool, &pinner, 4).copy_to_device(&stream).unwrap();
        eventually("the hold is given up for lost", || {
            pinner.statistics().holds_leaked == 1
        });
        assert!(frames::is_on_device(&stream, &device, 4));
    })
    .assert_no_violation();
}

#[test]
fn memory_that_cannot_be_unregistered_stays_mapped() {
    if driver::only_real_is_here(TO_ORDER) {
        return;
    }
    let report = driver::with_driver("fail=cuMemHostUnregister:1", || {
        eventually_by(DevicePath::Direct, |reason| reason.is_none());
    });
    report.assert_no_violation();
}

#[test]
fn a_driver_that_does_not_start_leaves_the_frames_on_the_host() {
    type Expected = fn(&FallbackReason) -> bool;
    let cases: [(&str, Expected); 5] = [
        ("fail=cuInit:999", |reason| {
            matches!(
                reason,
                FallbackReason::Driver {
                    call: "cuInit",
                    code: 999,
                    ..
                }
            )
        }),
        ("fail=cuInit:100", |reason| {
            matches!(reason, FallbackReason::NoDevice { count: 0, .. })
        }),
        ("devices=0", |reason| {
            matches!(
                reason,
                FallbackReason::NoDevice {
                    ordinal: 0,
                    count: 0
                }
            )
        }),
        ("fail=cuDeviceGetCount:3", |reason| {
            matches!(reason, FallbackReason::Driver { code: 3, .. })
        }),
        ("fail=cuDevicePrimaryCtxRetain:2", |reason| {
            matches!(
                reason,
                FallbackReason::Driver {
                    call: "cuDevicePrimaryCtxRetain",
                    code: 2,
                    ..
                }
            )
        }),
    ];
    with_double("", || {
        for (setting, expected) in cases {
            // The double is loaded by the first pinner and listens from then on.
            drop(Pinner::builder().device(0).build());
            driver::set("reset");
            driver::set(setting);
            let pinner = Pinner::builder().device(0).build();
            let reason = pinner.reason().expect("there is a device");
            assert!(expected(reason), "{setting}: {reason}");
            assert!(pinner.context().is_none());
            let pool = pool();
            let frame = frame(&pool, &pinner, 5);
            assert_eq!(
                (frame.path(), frame.reason().as_ref()),
                (DevicePath::Host, Some(reason))
            );
            assert!(frames::is_frame(&frame, 5));
            driver::set("reset");
            driver::set("devices=1");
        }
    });
}

#[test]
fn a_device_that_is_not_there_is_told_with_the_number_that_are() {
    driver::with_driver("", || {
        let pinner = Pinner::builder().device(77).build();
        assert!(
            matches!(
                pinner.reason(),
                Some(FallbackReason::NoDevice {
                    ordinal: 77,
                    count: 1..
                })
            ),
            "{pinner:?}"
        );
    })
    .assert_clean();
}

#[test]
fn without_a_driver_library_everything_works_on_the_host() {
    if driver::only_real_is_here(TO_ORDER) {
        return;
    }
    let pinner = Pinner::builder().device(0).build();
    if pinner.context().is_some() {
        println!("skipped: this machine has a driver");
        return;
    }
    assert_eq!(pinner.reason(), Some(&FallbackReason::NoDriver));
    let pool = pool();
    let frame = frame(&pool, &pinner, 6);
    assert_eq!(
        (frame.path(), frame.reason()),
        (DevicePath::Host, Some(FallbackReason::NoDriver))
    );
    assert!(frames::is_frame(&frame, 6));
}
