//! One suite for every provider backend: what zenoh's `ShmProviderBackend` promises, held against
//! zenoh's own POSIX backend and ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::HashSet;

use zenoh::{
    Wait,
    shm::{
        AllocAlignment, GarbageCollect, MemoryLayout, PosixShmProviderBackend, ShmProvider,
        ShmProviderBackend, ShmProviderBuilder, WithProtocolID, ZShmMut,
    },
};
use zenoh_pinned::{PinnedHostShmProviderBackend, PinnedPool};

const SLOTS: usize = 4;
const BYTES: usize = 16 << 10;

trait Candidate {
    type Backend: ShmProviderBackend;
    /// A backend with room for [`SLOTS`] chunks of [`BYTES`], give or take its own overhead.
    fn make() -> Self::Backend;

    fn provider() -> ShmProvider<Self::Backend> {
        ShmProviderBuilder::backend(Self::make()).wait()
    }
}

struct Posix;
struct Pinned;

impl Candidate for Posix {
    type Backend = PosixShmProviderBackend;
    fn make() -> Self::Backend {
        PosixShmProviderBackend::builder((SLOTS + 1) * BYTES)
            .wait()
            .unwrap()
    }
}

impl Candidate for Pinned {
    type Backend = PinnedHostShmProviderBackend;
    fn make() -> Self::Backend {
        PinnedPool::builder()
            .slots(SLOTS as u32)
            .slot_bytes(BYTES)
            .build_backend()
            .unwrap()
    }
}

fn fill_up<B: ShmProviderBackend>(provider: &ShmProvider<B>) -> Vec<ZShmMut> {
    std::iter::from_fn(|| {
        provider
            .alloc(BYTES)
            .with_policy::<GarbageCollect>()
            .wait()
            .ok()
    })
    .collect()
}

fn it_speaks_protocol_zero<C: Candidate>() {
    assert_eq!(C::make().id(), 0);
}

fn a_buffer_is_as_long_as_asked_for_and_writable<C: Candidate>() {
    let provider = C::provider();
    let mut buffer = provider.alloc(1001).wait().unwrap();
    assert_eq!(buffer.len(), 1001);
    buffer.fill(0xa5);
    assert!(buffer.iter().all(|byte| *byte == 0xa5));
}

fn live_buffers_do_not_overlap<C: Candidate>() {
    let provider = C::provider();
    let mut buffers = fill_up(&provider);
    assert!(buffers.len() >= SLOTS);
    for (index, buffer) in buffers.iter_mut().enumerate() {
        buffer.fill(index as u8);
    }
    for (index, buffer) in buffers.iter().enumerate() {
        assert!(
            buffer.iter().all(|byte| *byte == index as u8),
            "buffer {index}"
        );
    }
}

fn a_full_provider_refuses_and_serves_again_after_a_release<C: Candidate>() {
    let provider = C::provider();
    let mut buffers = fill_up(&provider);
    assert!(provider.alloc(BYTES).wait().is_err());
    let released = buffers.pop().unwrap().as_ptr();
    let again = provider
        .alloc(BYTES)
        .with_policy::<GarbageCollect>()
        .wait()
        .unwrap();
    assert_eq!(again.as_ptr(), released);
}

fn a_buffer_in_use_is_never_handed_out_again<C: Candidate>() {
    let provider = C::provider();
    let kept = provider.alloc(BYTES).wait().unwrap();
    for _ in 0..100 {
        let other = provider
            .alloc(BYTES)
            .with_policy::<GarbageCollect>()
            .wait()
            .unwrap();
        assert_ne!(other.as_ptr(), kept.as_ptr());
    }
}

fn every_buffer_comes_back_whatever_the_order<C: Candidate>() {
    let provider = C::provider();
    let first: HashSet<usize> = fill_up(&provider)
        .iter()
        .map(|buffer| buffer.as_ptr() as usize)
        .collect();
    for round in 0..20 {
        let mut buffers = fill_up(&provider);
        assert_eq!(buffers.len(), first.len(), "round {round}");
        let middle = round % buffers.len();
        buffers.rotate_left(middle);
    }
}

fn an_impossible_size_is_refused_without_a_panic<C: Candidate>() {
    let provider = C::provider();
    assert!(provider.alloc(0).wait().is_err());
    assert!(provider.alloc(1 << 40).wait().is_err());
}

fn alignment_is_kept<C: Candidate>() {
    let backend = C::make();
    let eight = MemoryLayout::new(24, AllocAlignment::ALIGN_8_BYTES).unwrap();
    // A backend may refuse a stricter alignment than it was made for, but not break its word.
    if let Ok(layout) = backend.layout_for(eight) {
        let chunk = backend.alloc(&layout).unwrap();
        assert_eq!(
            chunk.data.ptr() as usize % layout.alignment().get_alignment_value(),
            0
        );
        assert!(chunk.descriptor.len >= layout.size());
        backend.free(&chunk.descriptor);
    }
}

fn threads_share_it<C: Candidate>()
where
    C::Backend: Send + Sync,
{
    let provider = C::provider();
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let provider = &provider;
            scope.spawn(move || {
                for _ in 0..200 {
                    if let Ok(mut buffer) =
                        provider.alloc(BYTES).with_policy::<GarbageCollect>().wait()
                    {
                        buffer.fill(thread);
                        assert!(buffer.iter().all(|byte| *byte == thread));
                    }
                }
            });
        }
    });
    assert!(fill_up(&provider).len() >= SLOTS);
}

macro_rules! conformance {
    ($($promise:ident),* $(,)?) => {
        mod posix { $(#[test] fn $promise() { super::$promise::<super::Posix>(); })* }
        mod pinned { $(#[test] fn $promise() { super::$promise::<super::Pinned>(); })* }
    };
}

conformance![
    it_speaks_protocol_zero,
    a_buffer_is_as_long_as_asked_for_and_writable,
    live_buffers_do_not_overlap,
    a_full_provider_refuses_and_serves_again_after_a_release,
    a_buffer_in_use_is_never_handed_out_again,
    every_buffer_comes_back_whatever_the_order,
    an_impossible_size_is_refused_without_a_panic,
    alignment_is_kept,
    threads_share_it,
];
