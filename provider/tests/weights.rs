//! Memory that is loaded once and then read: sealed, in parts, and registered for one copy alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod harness;

use harness::{driver, eventually, frames};
use zenoh_pinned::{
    CopyError, DevicePath, FallbackReason, Frame, PinnedPool, Pinner,
    bindings::descriptor::{Descriptor, DescriptorReader, LentSlot},
};

const BYTES: usize = 1 << 20;
/// A segment of one such slot.
const SEGMENT: u64 = (BYTES + 4096) as u64;

/// So many shards, each in a segment of its own, sealed.
fn shards(count: u32) -> (PinnedPool, Vec<Frame>) {
    let builder = PinnedPool::builder().slots(count).slot_bytes(BYTES);
    let pool = builder.slots_per_segment(1).build().unwrap();
    let pinner = Pinner::host_only();
    let shards = (0..count).map(|number| {
        let mut slot = pool.alloc(BYTES).unwrap();
        frames::fill(&mut slot, u64::from(number));
        Frame::from_payload(&slot.into_shm(), &pinner).unwrap()
    });
    let shards = shards.collect();
    // SAFETY: every slot is written, and none is allocated any more.
    assert!(unsafe { pool.seal() });
    (pool, shards)
}

fn copied(shard: &Frame, pinner: &Pinner) -> (Vec<u8>, DevicePath, Option<FallbackReason>) {
    let outcome = shard.while_registered(pinner, |shard| -> Result<_, CopyError> {
        let buffer = shard.copy_to_device_buffer(&pinner.new_stream()?)?;
        let mut bytes = vec![0; buffer.len()];
        buffer.copy_to_host(&mut bytes)?;
        Ok((bytes, buffer.path(), buffer.reason().cloned()))
    });
    outcome.unwrap().unwrap()
}

#[test]
fn each_shard_is_registered_for_its_copy_alone_and_the_copy_is_direct() {
    let report = driver::with_driver("copy_delay_us=3000", || {
        let (_pool, shards) = shards(6);
        let pinner = Pinner::builder()
            .device(0)
            .staging(0, 0)
            .max_bytes(SEGMENT + 4096)
            .build();
        for _ in 0..3 {
            for (number, shard) in shards.iter().enumerate() {
                let (bytes, path, reason) = copied(shard, &pinner);
                assert!(frames::is_frame(&bytes, number as u64));
                assert_eq!((path, reason), (DevicePath::Direct, None));
                assert_eq!(pinner.statistics().registered_bytes, 0);
            }
        }
    });
    report.assert_clean();
    if let Some(peak) = report.peak_registered_bytes() {
        assert_eq!(peak, SEGMENT);
    }
}

#[test]
fn what_was_enqueued_and_not_waited_for_is_copied_before_the_memory_is_given_back() {
    let report = driver::with_driver("copy_delay_us=50000", || {
        let (_pool, shards) = shards(2);
        let pinner = Pinner::builder().device(0).staging(0, 0).build();
        let stream = pinner.new_stream().unwrap();
        let enqueue = |shard: &Frame| {
            let copy = shard.while_registered(&pinner, |shard| shard.copy_to_device(&stream));
            copy.unwrap().unwrap()
        };
        let on_device: Vec<_> = shards.iter().map(enqueue).collect();
        assert_eq!(pinner.statistics().registered_bytes, 0);
        for (number, device) in on_device.iter().enumerate() {
            assert!(frames::is_on_device(&stream, device, number as u64));
        }
    });
    report.assert_clean();
}

#[test]
fn memory_that_cannot_be_registered_is_copied_all_the_same_and_the_reason_says_why() {
    let report = driver::with_driver("", || {
        let (_pool, shards) = shards(1);
        let pinner = Pinner::builder()
            .device(0)
            .staging(0, 0)
            .max_bytes(4096)
            .build();
        let (bytes, path, reason) = copied(&shards[0], &pinner);
        assert!(frames::is_frame(&bytes, 0));
        assert_eq!(path, DevicePath::Pageable);
        assert!(
            matches!(reason, Some(FallbackReason::OverBudget { .. })),
            "{reason:?}"
        );
    });
    report.assert_clean();
}

#[test]
fn a_part_is_where_the_whole_is_and_goes_the_same_way() {
    let report = driver::with_driver("copy_delay_us=1000", || {
        let (_pool, shards) = shards(1);
        let pinner = Pinner::builder().device(0).staging(0, 0).build();
        let frame = shards[0].for_pinner(&pinner).unwrap();
        eventually("it is registered", || frame.reason().is_none());
        let part = frame.part(4096..4096 + 777).unwrap();
        assert_eq!(part.as_ptr(), frame[4096..].as_ptr());
        assert_eq!(part.path(), DevicePath::Direct);
        let stream = pinner.new_stream().unwrap();
        let device = part.copy_to_device(&stream).unwrap();
        let of_part = part.part(700..777).unwrap();
        drop((part, frame));
        assert_eq!(
            stream.clone_dtoh(&device).unwrap(),
            shards[0][4096..4096 + 777]
        );
        assert_eq!(of_part[..], shards[0][4796..4873]);
        assert!(of_part.part(0..78).is_none());
        assert_eq!(of_part.part(77..77).unwrap().len(), 0);
        assert!(
            Descriptor::of_frame(&of_part).is_none(),
            "only whole frames have one"
        );
    });
    report.assert_clean();
}

#[test]
fn a_slot_of_sealed_memory_is_lent_to_nobody() {
    let (_pool, shards) = shards(1);
    let reader = DescriptorReader::new(&Pinner::host_only());
    let frame = reader
        .read(Descriptor::of_frame(&shards[0]).unwrap())
        .unwrap();
    // SAFETY: nobody writes it, as there is no slot.
    assert!(unsafe { LentSlot::new(frame) }.is_none());
}
