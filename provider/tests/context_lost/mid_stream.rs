//! A context fails while copies are in flight.

use super::*;

#[test]
fn a_context_lost_mid_stream_keeps_what_was_in_flight_and_refuses_the_rest() {
    with_double("", || {
        for code in [700, 719] {
            driver::set("copy_delay_us=300000");
            let pool = pool();
            let (pinner, stream) = registered(&pool, 0);
            let (addresses, copies) = copies_in_flight(&pool, &pinner, &stream);
            driver::set(&format!("lose_context=0:{code}"));
            assert_lost(&pool, &pinner, &stream, code);
            // The slots of the copies stay out of use, the fourth goes round.
            let last = pool.try_alloc(BYTES).unwrap();
            let error = pool.try_alloc(BYTES).unwrap_err();
            assert!(matches!(error, AllocError::TimedOut { .. }), "{error}");
            drop((last, stream, pinner));
            // The device reads on although nobody can ask it any more.
            eventually("the copies", || driver::count("pending_copies") == 0);
            for (address, sequence) in addresses.into_iter().zip(0..) {
                assert!(
                    arrived(address, sequence),
                    "copied from reused or unmapped memory"
                );
            }
            drop((copies, pool));
            assert_eq!(driver::count("contexts"), 0, "the context has been let go");
        }
    });
}

#[test]
fn a_new_pinner_works_where_the_driver_makes_a_new_context() {
    with_double("copy_delay_us=20000", || {
        let pool = pool();
        let (pinner, stream) = registered(&pool, 0);
        let copies = copies_in_flight(&pool, &pinner, &stream);
        driver::set("lose_context=0:700");
        assert_lost(&pool, &pinner, &stream, 700);
        drop((copies, stream, pinner));
        let pinner = Pinner::builder().device(0).build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        for sequence in 0..20 {
            let frame = frame(&pool, &pinner, sequence);
            let device = frame.copy_to_device(&stream).unwrap();
            assert!(frames::is_on_device(&stream, &device, sequence));
        }
        assert_eq!(pinner.lost(), None);
        eventually("no hold is left", || {
            pinner.statistics().copies_in_flight == 0
        });
        assert_eq!(pinner.statistics().holds_leaked, 0);
    });
}

#[test]
fn the_loss_of_one_devices_context_leaves_the_other_device_alone() {
    with_double("devices=2,copy_delay_us=20000", || {
        let pool = pool();
        // They share the registration, which the first has made.
        let (first, lost_stream) = registered(&pool, 0);
        let (second, stream) = registered(&pool, 1);
        driver::set("lose_context=0:700");
        let error = frame(&pool, &first, 1)
            .copy_to_device(&lost_stream)
            .unwrap_err();
        assert!(is_lost(&error, 700), "{error}");
        drop((first, lost_stream));
        for sequence in 0..20 {
            let device = frame(&pool, &second, sequence)
                .copy_to_device(&stream)
                .unwrap();
            assert!(frames::is_on_device(&stream, &device, sequence));
        }
        assert_eq!(second.lost(), None);
    });
}
