//! Somebody resets the device.

use super::*;

#[test]
fn a_device_reset_under_copies_and_registrations_is_found_out_and_left_alone() {
    with_double("copy_delay_us=300000", || {
        let pool = pool();
        let (pinner, stream) = registered(&pool, 0);
        let buffer = frame(&pool, &pinner, 9)
            .copy_to_device_buffer(&stream)
            .unwrap();
        buffer.copy_to_host(&mut vec![0; BYTES]).unwrap();
        eventually("its hold", || pinner.statistics().copies_in_flight == 0);
        let (addresses, copies) = copies_in_flight(&pool, &pinner, &stream);
        // SAFETY: the double forgets handles, and frees nothing.
        assert_eq!(unsafe { sys::cuDevicePrimaryCtxReset_v2(0) } as u32, 0);
        eventually("the reset is found out", || pinner.lost().is_some());
        assert_lost(&pool, &pinner, &stream, 709);
        assert!(is_lost(
            &buffer
                .lend_to(&stream)
                .map_or_else(|error| error, |()| panic!()),
            709
        ));
        drop((stream, pinner));
        std::mem::forget(copies);

        // A new context has the old one's handle, and may give its addresses to somebody else.
        let pinner = Pinner::builder().device(0).build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        let frees = driver::count("cuMemFreeAsync") + driver::count("cuMemFree_v2");
        drop(buffer);
        let after = driver::count("cuMemFreeAsync") + driver::count("cuMemFree_v2");
        assert_eq!(after, frees, "a stale address was freed");
        driver::set("copy_delay_us=1000");
        eventually("a registration in the new context", || {
            let frame = frame(&pool, &pinner, 5);
            let device = frame.copy_to_device(&stream).unwrap();
            assert!(frames::is_on_device(&stream, &device, 5));
            frame.path() == DevicePath::Direct
        });
        eventually("the old copies", || driver::count("pending_copies") == 0);
        for (address, sequence) in addresses.into_iter().zip(0..) {
            assert!(
                arrived(address, sequence),
                "copied from reused or unmapped memory"
            );
        }
    });
}

#[test]
fn a_reset_that_nobody_copied_under_ends_quietly() {
    with_double("", || {
        let pool = pool();
        let (pinner, stream) = registered(&pool, 0);
        assert!(pinner.statistics().registered_bytes > 0);
        // SAFETY: the double forgets handles, and frees nothing.
        assert_eq!(unsafe { sys::cuDevicePrimaryCtxReset_v2(0) } as u32, 0);
        drop((stream, pinner));
        drop(pool);
    });
}

#[test]
fn the_reset_of_one_device_has_the_other_register_anew() {
    with_double("devices=2", || {
        let pool = pool();
        let (first, stream_of_first) = registered(&pool, 0);
        let (second, stream) = registered(&pool, 1);
        // SAFETY: the double forgets handles, and frees nothing.
        assert_eq!(unsafe { sys::cuDevicePrimaryCtxReset_v2(0) } as u32, 0);
        let error = frame(&pool, &first, 1).copy_to_device(&stream_of_first);
        assert!(is_lost(&error.unwrap_err(), 709));
        let lost = frame(&pool, &second, 1);
        assert!(matches!(
            lost.registered_address(),
            Err(FallbackReason::ContextLost { .. })
        ));
        drop(lost);
        eventually("a registration by the other", || {
            let frame = frame(&pool, &second, 2);
            let device = frame.copy_to_device(&stream).unwrap();
            assert!(frames::is_on_device(&stream, &device, 2));
            frame.path() == DevicePath::Direct
        });
    });
}

#[test]
fn events_of_a_context_that_was_reset_and_made_anew_are_never_destroyed() {
    with_double("copy_delay_us=300000", || {
        let pool = pool();
        let (pinner, stream) = registered(&pool, 0);
        let copies = copies_in_flight(&pool, &pinner, &stream);
        // Whoever asks about a copy now gets the answer when there is a new context of the same handle.
        driver::set("delay=cuEventQuery:100000");
        std::thread::sleep(Duration::from_millis(20));
        // SAFETY: the double forgets handles, and frees nothing.
        assert_eq!(unsafe { sys::cuDevicePrimaryCtxReset_v2(0) } as u32, 0);
        let second = Pinner::builder().device(0).build();
        assert_eq!(second.reason(), None);
        eventually("the reset is found out", || pinner.lost().is_some());
        eventually("what was in flight is given up for lost", || {
            pinner.statistics().holds_leaked == IN_FLIGHT
        });
        // cudarc's own values call with stale handles when they go: the application's business.
        std::mem::forget((copies, stream));
        drop(pinner);
        assert_eq!(second.lost(), None);
    });
}
