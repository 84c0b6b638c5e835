//! Errors of others, and errors that are of one call alone.

use super::*;

/// `CUDA_ERROR_INVALID_CONTEXT` and `CUDA_ERROR_INVALID_HANDLE`.
const OF_LOST_CONTEXTS: [sys::CUresult; 2] = [
    sys::CUresult::CUDA_ERROR_INVALID_CONTEXT,
    sys::CUresult::CUDA_ERROR_INVALID_HANDLE,
];

#[test]
fn an_error_that_somebody_has_left_in_the_context_stays_theirs() {
    driver::with_driver("", || {
        let pool = pool(3);
        let (pinner, stream) = registered(&pool);
        let context = stream.context();
        let mut destination = stream.alloc_zeros::<u8>(BYTES).unwrap();
        let source = stream.alloc_zeros::<u8>(BYTES).unwrap();
        for code in OF_LOST_CONTEXTS {
            for call in 0..4 {
                let frame = frame(&pool, &pinner, 1);
                context.record_err::<()>(Err(cudarc::driver::DriverError(code)));
                match call {
                    0 => drop(frame.copy_to_device(&stream).unwrap()),
                    1 => frame.copy_into(&mut destination, &stream).unwrap(),
                    2 => drop(frame.copy_to_device_buffer(&stream).unwrap()),
                    _ => {
                        let slot = pool.alloc(BYTES).unwrap();
                        let copying = slot.copy_from_device(&source, &stream, &pinner);
                        drop(copying.unwrap().wait().unwrap());
                    }
                }
                let left = context.check_err().unwrap_err();
                assert_eq!(left.0, code, "call {call}: whose error it is finds it");
                assert_eq!(pinner.lost(), None);
            }
        }
        pool.drain(Duration::from_secs(60)).unwrap();
        assert_eq!(pinner.statistics().holds_leaked, 0);
    })
    .assert_clean();
}

#[test]
fn a_stream_that_is_none_any_more_is_an_error_and_no_lost_context() {
    if driver::only_real_is_here("a real driver takes handles of destroyed streams for good ones") {
        return;
    }
    // The attempts themselves are on record.
    driver::with_driver("", || {
        let pool = pool(3);
        let (pinner, stream) = registered(&pool);
        let gone = foreign(&stream.context().new_stream().unwrap());
        let frame = frame(&pool, &pinner, 2);
        for _ in 0..20 {
            let error = frame.copy_to_device(&gone).unwrap_err();
            assert!(
                matches!(error, CopyError::Driver { code: 400, .. }),
                "{error}"
            );
        }
        assert_eq!(pinner.lost(), None);
        let device = frame.copy_to_device(&stream).unwrap();
        assert!(frames::is_on_device(&stream, &device, 2));
    });
}

/// Frames are copied until none can be any more; gives how many slots that has cost.
fn copies_until_it_is_given_up(code: u32, failing: &str) -> usize {
    let pool = pool(12);
    let (pinner, stream) = registered(&pool);
    driver::set(failing);
    let mut lost = None;
    for sequence in 0..12 {
        match frame(&pool, &pinner, sequence).copy_to_device(&stream) {
            Ok(_) => eventually("its end is known, or that it never will be", || {
                let statistics = pinner.statistics();
                statistics.copies_in_flight == statistics.holds_leaked
            }),
            Err(error) => {
                lost = Some(error);
                break;
            }
        }
    }
    let error = lost.expect("it goes on for ever");
    assert!(
        matches!(error, CopyError::ContextLost { code: found, .. } if found == code),
        "{error}"
    );
    pinner.statistics().holds_leaked
}

#[test]
fn a_device_that_has_gone_costs_one_slot_whatever_number_it_says() {
    for code in [46, 226, 721, 999, 4711] {
        if driver::only_real_is_here("a real device does not fail to order") {
            return;
        }
        driver::with_driver("", || {
            let failing = format!("fail=cuEventQuery:{code},fail=cuEventCreate:{code}:1000:1000");
            assert_eq!(copies_until_it_is_given_up(code, &failing), 1);
        })
        .assert_no_violation();
    }
}

#[test]
fn errors_that_go_on_though_the_context_is_there_are_given_up_after_a_few() {
    if driver::only_real_is_here("a real device does not fail to order") {
        return;
    }
    driver::with_driver("", || {
        // Each event is asked about once, and then its context's witness, which is answered for.
        let failing: Vec<_> = (0..8)
            .map(|skip| format!("fail=cuEventQuery:999:1:{skip}"))
            .collect();
        assert_eq!(copies_until_it_is_given_up(999, &failing.join(",")), 4);
    })
    .assert_no_violation();
}

#[test]
fn one_failure_is_forgotten_when_the_next_copies_end_well() {
    if driver::only_real_is_here("a real device does not fail to order") {
        return;
    }
    driver::with_driver("", || {
        let pool = pool(12);
        let (pinner, stream) = registered(&pool);
        for round in 1..8 {
            driver::set("fail=cuEventQuery:999:1");
            for sequence in 0..4 {
                let device = frame(&pool, &pinner, sequence)
                    .copy_to_device(&stream)
                    .unwrap();
                assert!(frames::is_on_device(&stream, &device, sequence));
                eventually("it is settled", || {
                    let statistics = pinner.statistics();
                    statistics.copies_in_flight == statistics.holds_leaked
                });
            }
            assert_eq!(
                (pinner.lost(), pinner.statistics().holds_leaked),
                (None, round)
            );
        }
    })
    .assert_no_violation();
}
