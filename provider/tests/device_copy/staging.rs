//! Frames that are not registered: staged, or copied by the driver, and why.

use super::*;

#[test]
fn a_frame_that_comes_before_its_registration_is_staged() {
    if driver::only_real_is_here("a real registration cannot be slowed down") {
        return;
    }
    // Only the pool's segment registers slowly; it is larger than the staging slots.
    driver::with_driver(
        "delay=cuMemHostRegister_v2:300000:4000000,copy_delay_us=1000",
        || {
            let pool = pool(16);
            let (pinner, stream) = device();
            eventually("staging slots", || {
                pinner.statistics().registered_bytes == 2 << 20
            });
            let early = frame(&pool, &pinner, 1);
            assert_eq!(
                (early.path(), early.reason()),
                (
                    DevicePath::Staged,
                    Some(FallbackReason::RegistrationPending)
                )
            );
            let device = early.copy_to_device(&stream).unwrap();
            assert_eq!(
                (early.path(), early.reason()),
                (
                    DevicePath::Staged,
                    Some(FallbackReason::RegistrationPending)
                )
            );
            assert!(frames::is_on_device(&stream, &device, 1));
            eventually("registration", || {
                frame(&pool, &pinner, 0).path() == DevicePath::Direct
            });
            let late = frame(&pool, &pinner, 2);
            assert_eq!((late.path(), late.reason()), (DevicePath::Direct, None));
            assert!(frames::is_on_device(
                &stream,
                &late.copy_to_device(&stream).unwrap(),
                2
            ));
        },
    )
    .assert_clean();
}

#[test]
fn staged_frames_are_whole_though_their_staging_slots_are_used_again_and_again() {
    driver::with_driver("copy_delay_us=3000", || {
        // Beyond the budget, so that nothing is ever direct.
        let pinner = Pinner::builder()
            .device(0)
            .staging(2, 1 << 20)
            .max_bytes(2 << 20)
            .build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        eventually("staging slots", || {
            pinner.statistics().registered_bytes == 2 << 20
        });
        let pool = pool(4);
        let mut paths = [0; 4];
        let copies: Vec<_> = (0..100)
            .map(|sequence| {
                let frame = frame(&pool, &pinner, sequence);
                let device = frame.copy_to_device(&stream).unwrap();
                paths[frame.path() as usize] += 1;
                std::thread::sleep(Duration::from_micros(if sequence % 3 == 0 {
                    4000
                } else {
                    0
                }));
                device
            })
            .collect();
        assert!(
            (0..)
                .zip(&copies)
                .all(|(sequence, device)| frames::is_on_device(&stream, device, sequence))
        );
        assert!(paths[DevicePath::Staged as usize] >= 10, "{paths:?}");
        assert_eq!(paths[DevicePath::Direct as usize], 0, "{paths:?}");
    })
    .assert_clean();
}

#[test]
fn frames_larger_than_a_staging_slot_have_larger_ones_made() {
    driver::with_driver("attribute=0:0", || {
        let pinner = Pinner::builder().device(0).staging(1, 1 << 20).build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        // An ordinary payload: it can only be staged.
        let mut bytes = vec![0; 3_000_000];
        frames::fill(&mut bytes, 5);
        let payload = ZBytes::from(bytes);
        eventually("a staged copy", || {
            let frame = Frame::from_payload(&payload, &pinner).unwrap();
            let device = frame.copy_to_device(&stream).unwrap();
            assert!(frames::is_on_device(&stream, &device, 5));
            frame.path() == DevicePath::Staged
                && frame.reason() == Some(FallbackReason::NotSharedMemory)
        });
    })
    .assert_clean();
}

#[test]
fn larger_staging_slots_take_the_budget_of_the_smaller_ones() {
    driver::with_driver("", || {
        // Room for the three small slots or for two large ones, not for both.
        let pinner = Pinner::builder()
            .device(0)
            .staging(3, 1 << 20)
            .max_bytes(5 << 20)
            .build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        eventually("small slots", || {
            pinner.statistics().registered_bytes == 3 << 20
        });
        let payload = ZBytes::from(vec![7; 2_000_000]);
        eventually("large slots", || {
            let frame = Frame::from_payload(&payload, &pinner).unwrap();
            drop(frame.copy_to_device(&stream).unwrap());
            frame.path() == DevicePath::Staged
        });
        assert_eq!(pinner.statistics().registered_bytes, 4 << 20);
    })
    .assert_clean();
}

#[test]
fn without_staging_slots_the_driver_copies_and_the_reason_is_told() {
    driver::with_driver("copy_delay_us=3000", || {
        let pinner = Pinner::builder()
            .device(0)
            .staging(0, 0)
            .max_bytes(4096)
            .build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        let pool = pool(2);
        eventually("a refusal", || {
            let frame = frame(&pool, &pinner, 3);
            let device = frame.copy_to_device(&stream).unwrap();
            drop(payload(&pool, 4));
            assert!(frames::is_on_device(&stream, &device, 3));
            assert_eq!(frame.path(), DevicePath::Pageable);
            matches!(
                frame.reason(),
                Some(FallbackReason::OverBudget {
                    limit_bytes: 4096,
                    ..
                })
            )
        });
    })
    .assert_clean();
}
