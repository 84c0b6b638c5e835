//! zenoh's own `ShmProvider`, with slots of ours underneath: for programs that have one already. Their allocation
//! policies, buffers and puts stay as they are.

use zenoh::{
    Wait,
    shm::{BlockOn, GarbageCollect, ShmProviderBuilder},
};
use zenoh_pinned::{Frame, PinnedPool, Pinner};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let backend = PinnedPool::builder()
        .slots(4)
        .slot_bytes(1 << 20)
        .build_backend()?;
    let provider = ShmProviderBuilder::backend(backend).wait();
    let pinner = Pinner::host_only();

    let mut frames = Vec::new();
    for number in 0..4_u8 {
        // zenoh's policies: collect what nobody holds any more, and wait for it where there is nothing.
        let allocation = provider
            .alloc(1 << 20)
            .with_policy::<BlockOn<GarbageCollect>>();
        let mut buffer = allocation.wait()?;
        buffer.fill(number);
        println!(
            "slot {number} at {:p}, aligned to a page: {}",
            buffer.as_ptr(),
            buffer.as_ptr().addr() % 4096 == 0
        );
        // What a subscriber does with a payload.
        frames.push(Frame::from_payload(&buffer.into(), &pinner)?);
    }
    println!("free while four frames are held: {}", provider.available());
    frames.truncate(3);
    let again = provider
        .alloc(1 << 20)
        .with_policy::<GarbageCollect>()
        .wait()?;
    println!("one frame was dropped: its slot is at {:p}", again.as_ptr());
    println!(
        "the others are as they were: {:?}",
        [frames[0][0], frames[1][0], frames[2][0]]
    );
    Ok(())
}
