//! iceoryx2: a loaned sample, written in place, and an event that wakes the consumers.
//!
//! No overflow, and a publisher that tries until there is room, so that nothing is lost. Both sides open the services:
//! one of frames and one of events.

use std::{mem::MaybeUninit, ops::ControlFlow};

use iceoryx2::{
    node::Node,
    port::{listener::Listener, notifier::Notifier, publisher::Publisher, subscriber::Subscriber},
    prelude::{BackpressureStrategy, NodeBuilder, ServiceName, ipc},
    service::port_factory::{event, publish_subscribe},
};
use zenoh_pinned_measuring::clock::now;

use crate::{Outcome, orders::Orders};

struct Services {
    frames: publish_subscribe::PortFactory<ipc::Service, [u8], ()>,
    events: event::PortFactory<ipc::Service>,
    _node: Node<ipc::Service>,
}

pub struct Outlet {
    publisher: Publisher<ipc::Service, [u8], ()>,
    notifier: Notifier<ipc::Service>,
    _services: Services,
}

pub struct Inlet {
    frames: Subscriber<ipc::Service, [u8], ()>,
    listener: Listener<ipc::Service>,
    _services: Services,
}

impl Services {
    fn open(orders: &Orders) -> Outcome<Self> {
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let name = |part: &str| -> Outcome<ServiceName> {
            Ok(format!("{}/{part}", orders.name).as_str().try_into()?)
        };
        let frames = node
            .service_builder(&name("frames")?)
            .publish_subscribe::<[u8]>()
            .enable_safe_overflow(false)
            .subscriber_max_buffer_size(orders.slots as usize)
            .subscriber_max_borrowed_samples(2)
            .history_size(0)
            .max_publishers(1)
            .max_subscribers(orders.consumers)
            .open_or_create()?;
        let events = node
            .service_builder(&name("events")?)
            .event()
            .max_listeners(orders.consumers)
            .max_notifiers(1)
            .open_or_create()?;
        Ok(Self {
            frames,
            events,
            _node: node,
        })
    }
}

impl Outlet {
    pub fn open(orders: &Orders) -> Outcome<Self> {
        let services = Services::open(orders)?;
        let publisher = services
            .frames
            .publisher_builder()
            .initial_max_slice_len(orders.bytes)
            .max_loaned_samples(1)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()?;
        Ok(Self {
            publisher,
            notifier: services.events.notifier_builder().create()?,
            _services: services,
        })
    }
}

impl super::Outlet for Outlet {
    fn send(&mut self, bytes: usize, write: &mut dyn FnMut(&mut [u8])) -> Outcome {
        let mut sample = self.publisher.loan_slice_uninit(bytes)?;
        write(initialised(sample.payload_mut()));
        // SAFETY: every byte has been zeroed at least once or written by now.
        let sample = unsafe { sample.assume_init() };
        sample.send()?;
        // A consumer whose events are full is awake anyway.
        let _ = self.notifier.notify();
        Ok(())
    }
}

/// The bytes of a loan. They lie in a shared mapping, so all of them have a value.
fn initialised(bytes: &mut [MaybeUninit<u8>]) -> &mut [u8] {
    // SAFETY: same length and alignment; the memory is mapped from a file, whose pages the kernel fills with
    // zeroes, so no byte is uninitialised, and the loan is borrowed exclusively.
    unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [u8]) }
}

impl Inlet {
    pub fn open(orders: &Orders) -> Outcome<Self> {
        let services = Services::open(orders)?;
        Ok(Self {
            frames: services.frames.subscriber_builder().create()?,
            listener: services.events.listener_builder().create()?,
            _services: services,
        })
    }
}

impl super::Inlet for Inlet {
    fn next(&mut self, take: &dyn Fn(&[u8], u64) -> ControlFlow<()>) -> Outcome<ControlFlow<()>> {
        loop {
            if let Some(sample) = self.frames.receive()? {
                return Ok(take(sample.payload(), now()));
            }
            self.listener.blocking_wait(|_| {})?;
        }
    }
}
