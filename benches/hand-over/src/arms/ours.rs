//! `PinnedPublisher` to another process: by zenoh's `put`, by the line, or by both.

use std::{
    any::Any,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use zenoh::{Session, Wait, shm::zshm};
use zenoh_pinned::Pinner;
use zenoh_pinned_measuring::{clock::now, session};
use zenoh_pinned_node::pubsub::{self, FrameSubscriber, FrameSubscriberBuilder, PinnedPublisher};

use super::{Arm, line};
use crate::{Outcome, orders::Orders};

const KEY: &str = "frames";
/// No consumer keeps a frame so long.
const ROOM: Duration = Duration::from_secs(10);
const LINES: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(1);

pub struct Outlet {
    publisher: PinnedPublisher,
    /// That have a line.
    consumers: usize,
    _session: Session,
}

pub struct Inlet {
    frames: FrameSubscriber,
    _session: Session,
}

fn open(listen: &[String], connect: &[String], pinner: &Pinner) -> Outcome<Session> {
    let config = session::configuration(listen, connect)?;
    Ok(pubsub::open(config, pinner)?)
}

impl Outlet {
    pub fn open(orders: &Orders) -> Outcome<Self> {
        let session = open(&[orders.endpoint()], &[], &Pinner::host_only())?;
        let builder = PinnedPublisher::builder(orders.bytes)
            .slots(orders.slots)
            .wait(ROOM);
        Ok(Self {
            publisher: line::publisher(builder, orders.arm).declare(&session, KEY)?,
            consumers: match orders.arm {
                Arm::BesideZenoh | Arm::Alone => orders.consumers,
                _ => 0,
            },
            _session: session,
        })
    }
}

impl super::Outlet for Outlet {
    fn stand(&mut self) -> Outcome {
        let begun = Instant::now();
        while line::open_lines(&self.publisher) < self.consumers {
            if begun.elapsed() > LINES {
                return Err(format!("no line to each consumer after {LINES:?}").into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn send(&mut self, bytes: usize, write: &mut dyn FnMut(&mut [u8])) -> Outcome {
        let mut slot = self.publisher.alloc(bytes)?;
        write(&mut slot);
        Ok(self.publisher.put(slot)?)
    }

    fn drain(&mut self) {
        let _ = self.publisher.drain(DRAIN);
    }
}

impl Inlet {
    pub fn open(orders: &Orders) -> Outcome<Self> {
        let (builder, session) = subscriber(orders)?;
        Ok(Self {
            frames: builder.declare(&session, KEY)?,
            _session: session,
        })
    }
}

fn subscriber(orders: &Orders) -> Outcome<(FrameSubscriberBuilder, Session)> {
    let pinner = Pinner::host_only();
    let session = open(&[], &[orders.endpoint()], &pinner)?;
    let builder = FrameSubscriber::builder(&pinner).capacity(orders.slots as usize);
    Ok((line::subscriber(builder, orders.arm), session))
}

impl super::Inlet for Inlet {
    fn next(&mut self, take: &dyn Fn(&[u8], u64) -> ControlFlow<()>) -> Outcome<ControlFlow<()>> {
        let received = self.frames.recv()?;
        let arrived = now();
        Ok(take(&received.frame, arrived))
    }
}

/// Frames by the line, in the callback of a subscriber of ours.
pub fn listen(
    orders: &Orders,
    take: impl Fn(&[u8], u64) + Send + Sync + 'static,
) -> Outcome<Box<dyn Any>> {
    let (builder, session) = subscriber(orders)?;
    let listener = builder.listen(&session, KEY, move |received| match received {
        Ok(received) => take(&received.frame, now()),
        Err(error) => eprintln!("{error}"),
    })?;
    Ok(Box::new((listener, session)))
}

/// Frames in the callback of an unmodified subscriber.
pub fn listen_to_zenoh(
    orders: &Orders,
    take: impl Fn(&[u8], u64) + Send + Sync + 'static,
) -> Outcome<Box<dyn Any>> {
    let session = open(&[], &[orders.endpoint()], &Pinner::host_only())?;
    let subscriber = session
        .declare_subscriber(KEY)
        .callback(move |sample| {
            let buffer: Option<&zshm> = sample.payload().as_shm();
            // A copy is no frame.
            let bytes = buffer.map_or(&[][..], |buffer| buffer);
            take(bytes, now());
        })
        .wait()?;
    Ok(Box::new((subscriber, session)))
}
