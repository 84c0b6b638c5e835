//! Where frames come from, each arm its own way. What all of them give is a frame in the hands of one thread.

use std::{ops::Deref, time::Duration};

use dora_node_api::{DoraNode, Event, EventStream};
use iceoryx2::{
    port::{listener::Listener, subscriber::Subscriber},
    prelude::ipc,
};
use zenoh::{
    Session, Wait, handlers::FifoChannelHandler, pubsub::Subscriber as ZenohSubscriber,
    sample::Sample, shm::zshm,
};
use zenoh_pinned::{Frame, Pinner};
use zenoh_pinned_node::pubsub::{FrameSubscriber, Overflow, ReceiveError, recv_any};

use crate::{
    Outcome,
    arm::Arm,
    iceoryx::Services,
    mappings::Mappings,
    session,
    workload::{Orders, SLOTS},
};

/// A frame as it was received, and what keeps it.
pub enum Held {
    Pinned(Frame),
    Other {
        bytes: Box<dyn Deref<Target = [u8]>>,
        /// How many bytes a CPU copied so that they could be received.
        copied: u64,
    },
}

impl Held {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Pinned(frame) => frame,
            Self::Other { bytes, .. } => bytes,
        }
    }

    /// Bytes that a CPU copied on the way here, as far as one can tell from outside.
    pub fn copies(&self) -> u64 {
        match self {
            Self::Pinned(_) => 0,
            Self::Other { copied, .. } => *copied,
        }
    }
}

pub enum Arrival {
    Frame(Held),
    /// Not within the time that was given.
    Nothing,
    /// There will be none any more.
    Ended,
}

pub trait Inlet {
    /// The next frame, from whichever camera; waits no longer than `patience`.
    fn next(&mut self, patience: Duration) -> Outcome<Arrival>;
}

pub fn open(orders: &Orders, pinner: &Pinner) -> Outcome<Box<dyn Inlet>> {
    Ok(match orders.arm {
        Arm::Stock | Arm::DevicePlain | Arm::DeviceCallerPinned => {
            Box::new(Zenoh::open(orders, None)?)
        }
        Arm::Pinned | Arm::DevicePinned | Arm::DeviceCeiling | Arm::DeviceReceived => {
            Box::new(Zenoh::open(orders, Some(pinner.clone()))?)
        }
        Arm::PinnedLine => Box::new(Lines::open(orders, pinner)?),
        Arm::Iceoryx => Box::new(Iceoryx::open(orders)?),
        Arm::DoraDefault | Arm::Dora64 | Arm::DoraPinned => Box::new(Dora::open()?),
    })
}

struct Zenoh {
    frames: ZenohSubscriber<FifoChannelHandler<Sample>>,
    /// Only of this library's consumers; the others are unmodified.
    pinner: Option<Pinner>,
    _session: Session,
}

impl Zenoh {
    fn open(orders: &Orders, pinner: Option<Pinner>) -> Outcome<Self> {
        let cameras: Vec<_> = (0..orders.workload.cameras)
            .map(|camera| orders.endpoint(camera))
            .collect();
        let clients = pinner.as_ref().map(zenoh_pinned::shm_clients);
        let session = session::open(&[], &cameras, clients)?;
        Ok(Self {
            frames: session.declare_subscriber("camera/*").wait()?,
            pinner,
            _session: session,
        })
    }
}

impl Inlet for Zenoh {
    fn next(&mut self, patience: Duration) -> Outcome<Arrival> {
        let received = if patience.is_zero() {
            self.frames.try_recv()?
        } else {
            self.frames.recv_timeout(patience)?
        };
        let Some(sample) = received else {
            return Ok(Arrival::Nothing);
        };
        let held = match &self.pinner {
            Some(pinner) => {
                let frame = Frame::from_payload(sample.payload(), pinner)?;
                if !frame.is_shared() {
                    return Err("a frame did not arrive in shared memory".into());
                }
                Held::Pinned(frame)
            }
            None => {
                let buffer: Option<&zshm> = sample.payload().as_shm();
                let buffer = buffer.ok_or("a frame did not arrive in shared memory")?;
                Held::Other {
                    bytes: Box::new(buffer.to_owned()),
                    copied: 0,
                }
            }
        };
        Ok(Arrival::Frame(held))
    }
}

/// A subscriber for each camera, and one thread that waits for whichever has something.
struct Lines {
    cameras: Vec<FrameSubscriber>,
    _session: Session,
}

impl Lines {
    fn open(orders: &Orders, pinner: &Pinner) -> Outcome<Self> {
        let cameras = 0..orders.workload.cameras;
        let endpoints: Vec<_> = cameras
            .clone()
            .map(|camera| orders.endpoint(camera))
            .collect();
        let clients = zenoh_pinned::shm_clients(pinner);
        let session = session::open(&[], &endpoints, Some(clients))?;
        let subscriber = |camera| {
            FrameSubscriber::builder(pinner)
                // Nothing may be lost, as in the other arms; the camera needs a slot to write.
                .capacity(SLOTS - 2)
                .overflow(Overflow::Refuse)
                .declare(&session, &format!("camera/{camera}"))
        };
        let cameras = cameras.map(subscriber).collect::<Result<_, _>>()?;
        Ok(Self {
            cameras,
            _session: session,
        })
    }
}

impl Inlet for Lines {
    fn next(&mut self, patience: Duration) -> Outcome<Arrival> {
        let cameras: Vec<_> = self.cameras.iter().collect();
        match recv_any(&cameras, patience) {
            Ok((which, received)) => {
                // The next time another camera comes first.
                self.cameras.rotate_left(which + 1);
                if !received.frame.is_shared() {
                    return Err("a frame did not arrive in shared memory".into());
                }
                Ok(Arrival::Frame(Held::Pinned(received.frame)))
            }
            Err(ReceiveError::TimedOut(_)) => Ok(Arrival::Nothing),
            Err(error) => Err(error.into()),
        }
    }
}

struct Iceoryx {
    cameras: Vec<Subscriber<ipc::Service, [u8], ()>>,
    listener: Listener<ipc::Service>,
    _services: Services,
}

impl Iceoryx {
    fn open(orders: &Orders) -> Outcome<Self> {
        let services = Services::open(orders)?;
        let cameras = (0..orders.workload.cameras)
            .map(|camera| Ok(services.frames(camera)?.subscriber_builder().create()?))
            .collect::<Outcome<Vec<_>>>()?;
        let listener = services.events()?.listener_builder().create()?;
        Ok(Self {
            cameras,
            listener,
            _services: services,
        })
    }

    fn received(&mut self) -> Outcome<Option<Held>> {
        for index in 0..self.cameras.len() {
            if let Some(sample) = self.cameras[index].receive()? {
                // The next time another camera comes first.
                self.cameras.rotate_left(index + 1);
                return Ok(Some(Held::Other {
                    bytes: Box::new(sample),
                    copied: 0,
                }));
            }
        }
        Ok(None)
    }
}

impl Inlet for Iceoryx {
    fn next(&mut self, patience: Duration) -> Outcome<Arrival> {
        if let Some(held) = self.received()? {
            return Ok(Arrival::Frame(held));
        }
        self.listener.timed_wait(|_| {}, patience)?;
        let held = self.received()?;
        Ok(held.map_or(Arrival::Nothing, Arrival::Frame))
    }
}

/// An unmodified node: nothing but dora's own API.
struct Dora {
    events: EventStream,
    mappings: Mappings,
    _node: DoraNode,
}

impl Dora {
    fn open() -> Outcome<Self> {
        let (node, events) = DoraNode::init_from_env()?;
        Ok(Self {
            events,
            mappings: Mappings::default(),
            _node: node,
        })
    }
}

impl Inlet for Dora {
    fn next(&mut self, _patience: Duration) -> Outcome<Arrival> {
        loop {
            let data = match self.events.recv() {
                None => return Ok(Arrival::Ended),
                Some(Event::Input { data, .. }) => data,
                Some(_) => continue,
            };
            let array = data.as_array().to_data();
            let buffer = array.buffers().first().ok_or("no bytes")?.clone();
            // Where it is not in shared memory it went through a socket: copied in, and copied out.
            let copied = match self.mappings.is_shared(buffer.as_ptr() as usize) {
                true => 0,
                false => 2 * buffer.len() as u64,
            };
            let bytes = Box::new(buffer);
            return Ok(Arrival::Frame(Held::Other { bytes, copied }));
        }
    }
}
