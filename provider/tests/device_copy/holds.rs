//! What a copy reads is kept until it has executed, whatever goes meanwhile.

use super::*;

#[test]
fn a_slot_is_not_free_before_the_copy_out_of_it_has_executed() {
    driver::with_driver("copy_delay_us=30000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        for sequence in 0..5 {
            let frame = frame(&pool, &pinner, sequence);
            let device = frame.copy_to_device(&stream).unwrap();
            assert_eq!(frame.path(), DevicePath::Direct);
            drop(frame);
            if !driver::is_real() {
                assert!(matches!(
                    pool.try_alloc(BYTES),
                    Err(AllocError::TimedOut { .. })
                ));
                assert_eq!(pinner.statistics().copies_in_flight, 1);
            }
            // The next frame waits for the hold, and overwrites the slot as soon as it may.
            pool.alloc(BYTES).unwrap().fill(0xee);
            assert!(frames::is_on_device(&stream, &device, sequence));
        }
    })
    .assert_clean();
}

#[test]
fn a_hold_outlives_its_stream() {
    driver::with_driver("copy_delay_us=20000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        let reader = pinner.context().unwrap().new_stream().unwrap();
        // The device memory belongs to the reader's stream, so that the other one can go.
        let mut device = reader.alloc_zeros::<u8>(BYTES).unwrap();
        reader.synchronize().unwrap();
        frame(&pool, &pinner, 7)
            .copy_into(&mut device, &stream)
            .unwrap();
        drop(stream);
        pool.alloc(BYTES).unwrap().fill(0xee);
        eventually("the hold", || pinner.statistics().copies_in_flight == 0);
        assert!(frames::is_on_device(&reader, &device, 7));
    })
    .assert_clean();
}

#[test]
fn a_failed_context_keeps_its_holds_and_the_copy_is_never_of_reused_bytes() {
    if driver::only_real_is_here("a real context cannot be made to fail here") {
        return;
    }
    driver::with_driver("copy_delay_us=50000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        let held = frame(&pool, &pinner, 1);
        let device = held.copy_to_device(&stream).unwrap();
        driver::set("fail_context");
        let error = held.copy_to_device(&stream).unwrap_err();
        println!("{error}");
        drop(held);
        eventually("the hold is given up for lost", || {
            pinner.statistics().holds_leaked >= 1
        });
        assert!(
            pool.alloc_timeout(BYTES, Duration::from_millis(100))
                .is_err(),
            "the slot stays held"
        );
        drop((device, stream));
        // Nothing can be unregistered any more, so nothing is unmapped; no panic, no hang.
        drop(pinner);
        drop(pool);
    });
}

#[test]
fn a_process_that_exits_with_copies_in_flight_makes_no_late_call() {
    driver::with_driver("copy_delay_us=200000", || {
        let pool = pool(4);
        let (pinner, stream) = registered(&pool);
        for sequence in 0..4 {
            let device = frame(&pool, &pinner, sequence)
                .copy_to_device(&stream)
                .unwrap();
            std::mem::forget(device);
        }
        // As a program does that calls `exit` in the middle of its work.
        std::mem::forget((pool, pinner, stream));
    })
    .assert_no_violation();
}
