//! Existing device memory, cudarc's own copies, and slots that a device writes.

use super::*;

#[test]
fn a_frame_is_copied_into_existing_device_memory_of_its_own_length_only() {
    driver::with_driver("copy_delay_us=1000", || {
        let pool = pool(2);
        let (pinner, stream) = registered(&pool);
        let mut batch = stream.alloc_zeros::<u8>(2 * BYTES).unwrap();
        let frame = frame(&pool, &pinner, 9);
        let error = frame.copy_into(&mut batch, &stream).unwrap_err();
        assert!(
            matches!(
                error,
                CopyError::Length {
                    source_bytes: BYTES,
                    ..
                }
            ),
            "{error}"
        );
        frame
            .copy_into(&mut batch.slice_mut(BYTES..), &stream)
            .unwrap();
        let batch = stream.clone_dtoh(&batch).unwrap();
        assert!(batch[..BYTES].iter().all(|byte| *byte == 0));
        assert!(frames::is_frame(&batch[BYTES..], 9));
    })
    .assert_clean();
}

#[test]
fn cudarcs_own_copies_take_a_frame_and_never_write_one() {
    driver::with_driver("copy_delay_us=5000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        let mut frame = frame(&pool, &pinner, 11);
        let device = stream.clone_htod(&frame).unwrap();
        let mut other = stream.alloc_zeros::<u8>(BYTES).unwrap();
        assert!(frames::is_on_device(&stream, &device, 11));
        let _ = stream.memcpy_dtoh(&other, &mut frame);
        assert!(
            stream.memset_zeros(&mut other).is_err(),
            "the attempt is reported by the next call"
        );
        assert!(frames::is_frame(&frame, 11));
        drop(frame);
        pool.alloc(BYTES).unwrap().fill(0xee);
        assert!(frames::is_on_device(&stream, &device, 11));
    })
    .assert_clean();
}

#[test]
fn a_device_writes_a_slot_that_is_published_when_it_has() {
    driver::with_driver("copy_delay_us=20000", || {
        let pool = pool(1);
        let (pinner, stream) = registered(&pool);
        let mut bytes = vec![0; BYTES];
        frames::fill(&mut bytes, 21);
        let device = stream.clone_htod(&bytes).unwrap();
        let slot = pool.alloc(BYTES).unwrap();
        let copying = slot.copy_from_device(&device, &stream, &pinner).unwrap();
        let payload = copying.wait().unwrap().into_shm();
        assert!(frames::is_frame(&payload.to_bytes(), 21));
        drop(payload);
        // Given up half-way: the slot comes back only when the device no longer writes it.
        drop(
            pool.alloc(BYTES)
                .unwrap()
                .copy_from_device(&device, &stream, &pinner)
                .unwrap(),
        );
        let mut slot = pool.alloc(BYTES).unwrap();
        slot.fill(0xee);
        stream.synchronize().unwrap();
        assert!(slot.iter().all(|byte| *byte == 0xee));
        let wrong = pool.statistics();
        drop(slot);
        let short = pool
            .alloc(10)
            .unwrap()
            .copy_from_device(&device, &stream, &pinner);
        assert!(matches!(short, Err(CopyError::Length { .. })), "{wrong:?}");
    })
    .assert_clean();
}
