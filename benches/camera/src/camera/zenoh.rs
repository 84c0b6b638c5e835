//! Shared memory of zenoh, its own or ours, sent by an ordinary `put`, or by a line.

use std::time::Duration;

use zenoh::{
    Session, Wait,
    pubsub::Publisher,
    qos::CongestionControl,
    shm::{BlockOn, GarbageCollect, PosixShmProviderBackend, ShmProvider, ShmProviderBuilder},
};
use zenoh_pinned::PinnedPool;
use zenoh_pinned_node::pubsub::PinnedPublisher;

use super::Outlet;
use crate::{
    Outcome,
    frame::FRAME_BYTES,
    session,
    workload::{Orders, SLOTS},
};

struct Sender {
    publisher: Publisher<'static>,
    _session: Session,
}

impl Sender {
    fn open(orders: &Orders) -> Outcome<Self> {
        let endpoint = orders.endpoint(orders.index);
        let session = session::open(&[endpoint], &[], None)?;
        let publisher = session
            .declare_publisher(format!("camera/{}", orders.index))
            .congestion_control(CongestionControl::Block)
            .express(true)
            .wait()?;
        Ok(Self {
            publisher,
            _session: session,
        })
    }
}

pub(super) struct Stock {
    sender: Sender,
    provider: ShmProvider<PosixShmProviderBackend>,
}

impl Stock {
    pub(super) fn open(orders: &Orders) -> Outcome<Self> {
        // zenoh's allocator keeps its books in the segment.
        let bytes = SLOTS * FRAME_BYTES + (1 << 20);
        Ok(Self {
            sender: Sender::open(orders)?,
            provider: ShmProviderBuilder::default_backend(bytes).wait()?,
        })
    }
}

impl Outlet for Stock {
    fn send(&mut self, write: &mut dyn FnMut(&mut [u8])) -> Outcome {
        let request = self.provider.alloc(FRAME_BYTES);
        let mut buffer = request.with_policy::<BlockOn<GarbageCollect>>().wait()?;
        write(&mut buffer);
        self.sender.publisher.put(buffer).wait()
    }
}

pub(super) struct Pinned {
    sender: Sender,
    pool: PinnedPool,
}

impl Pinned {
    pub(super) fn open(orders: &Orders) -> Outcome<Self> {
        let pool = PinnedPool::builder()
            .slots(SLOTS as u32)
            .slot_bytes(FRAME_BYTES)
            .wait(Duration::from_secs(30))
            .build()?;
        if let Some(reason) = pool.reason() {
            return Err(reason.to_string().into());
        }
        Ok(Self {
            sender: Sender::open(orders)?,
            pool,
        })
    }
}

impl Outlet for Pinned {
    fn send(&mut self, write: &mut dyn FnMut(&mut [u8])) -> Outcome {
        let mut slot = self.pool.alloc(FRAME_BYTES)?;
        write(&mut slot);
        self.sender.publisher.put(slot.into_shm()).wait()
    }
}

pub(super) struct Line {
    publisher: PinnedPublisher,
    _session: Session,
}

impl Line {
    pub(super) fn open(orders: &Orders) -> Outcome<Self> {
        let endpoint = orders.endpoint(orders.index);
        let session = session::open(&[endpoint], &[], None)?;
        let publisher = PinnedPublisher::builder(FRAME_BYTES)
            .slots(SLOTS as u32)
            .wait(Duration::from_secs(30))
            .alone()
            .declare(&session, &format!("camera/{}", orders.index))?;
        Ok(Self {
            publisher,
            _session: session,
        })
    }
}

impl Outlet for Line {
    fn send(&mut self, write: &mut dyn FnMut(&mut [u8])) -> Outcome {
        let mut slot = self.publisher.alloc(FRAME_BYTES)?;
        write(&mut slot);
        Ok(self.publisher.put(slot)?)
    }
}
