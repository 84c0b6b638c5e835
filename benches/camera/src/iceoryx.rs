//! The iceoryx2 services of a round: one of frames for each camera, and one of events that wakes the consumers.
//!
//! No overflow, so that nothing is lost, and buffers as deep as the other arms' pools.

use iceoryx2::{
    node::Node,
    prelude::{NodeBuilder, ServiceName, ipc},
    service::port_factory::{event, publish_subscribe},
};

use crate::{
    Outcome,
    workload::{Orders, SLOTS},
};

pub struct Services {
    node: Node<ipc::Service>,
    round: String,
    consumers: usize,
    cameras: usize,
}

impl Services {
    pub fn open(orders: &Orders) -> Outcome<Self> {
        Ok(Self {
            node: NodeBuilder::new().create::<ipc::Service>()?,
            round: orders.folder.display().to_string(),
            consumers: orders.workload.consumers,
            cameras: orders.workload.cameras,
        })
    }

    pub fn frames(
        &self,
        camera: usize,
    ) -> Outcome<publish_subscribe::PortFactory<ipc::Service, [u8], ()>> {
        let service = self.node.service_builder(&self.name(&camera.to_string())?);
        Ok(service
            .publish_subscribe::<[u8]>()
            .enable_safe_overflow(false)
            .subscriber_max_buffer_size(SLOTS)
            .subscriber_max_borrowed_samples(2)
            .history_size(0)
            .max_publishers(1)
            .max_subscribers(self.consumers)
            .open_or_create()?)
    }

    pub fn events(&self) -> Outcome<event::PortFactory<ipc::Service>> {
        let service = self.node.service_builder(&self.name("events")?);
        Ok(service
            .event()
            .max_listeners(self.consumers)
            .max_notifiers(self.cameras)
            .open_or_create()?)
    }

    fn name(&self, part: &str) -> Outcome<ServiceName> {
        Ok(format!("{}/{part}", self.round).as_str().try_into()?)
    }
}
