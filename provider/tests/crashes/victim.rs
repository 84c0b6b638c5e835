//! A consumer that is going to be killed.

use std::time::{Duration, Instant};

use zenoh::{Wait, sample::Sample};
use zenoh_pinned::{Frame, Pinner};

use crate::{
    KEY,
    harness::{driver, eventually, peer, signal, worker},
};

/// Frames that it holds when it is killed.
pub const HELD: usize = 3;

/// What it is doing then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It holds frames that it has received.
    Holding,
    /// It has been stopped, and messages wait in its socket.
    Unread,
    /// Copies to its device, which take long, read the frames.
    Copying,
}

pub struct Victim {
    way: Way,
    process: worker::Worker,
}

impl Victim {
    pub fn start(endpoint: &str, way: Way) -> Self {
        let orders = worker::orders("victim::worker_victim")
            .with("ENDPOINT", endpoint)
            .with("COPIES", (way == Way::Copying).to_string());
        let orders = match way {
            Way::Copying => orders.with_driver("copy_delay_us=600000000"),
            _ => orders,
        };
        Self {
            way,
            process: orders.start(),
        }
    }

    /// Lets it receive what `publish` sends and kills it; tells when.
    pub fn die_holding(mut self, publish: &mut dyn FnMut()) -> Instant {
        // The first ones settle that it has the segment attached.
        (0..HELD).for_each(|_| publish());
        self.process.line("holds");
        if self.way == Way::Unread {
            signal::stop(self.process.pid());
            (0..HELD).for_each(|_| publish());
        }
        self.die()
    }

    /// As [`Victim::die_holding`], where somebody else publishes all the time.
    pub fn die_under_load(mut self) -> Instant {
        self.process.line("holds");
        if self.way == Way::Unread {
            signal::stop(self.process.pid());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.die()
    }

    fn die(mut self) -> Instant {
        self.process.kill();
        Instant::now()
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_victim() {
    let copies = worker::order("COPIES") == "true";
    let (pinner, stream) = if copies {
        let pinner = Pinner::builder().device(0).staging(0, 0).build();
        let stream = pinner.context().unwrap().new_stream().unwrap();
        (pinner, Some(stream))
    } else {
        (Pinner::host_only(), None)
    };
    let session = peer::open(
        peer::connecting(&worker::order("ENDPOINT")),
        Some(zenoh_pinned::shm_clients(&pinner)),
    );
    let subscriber = session.declare_subscriber(KEY).wait().unwrap();
    let mut held: Vec<Sample> = Vec::new();
    let (mut devices, mut copied) = (Vec::new(), Vec::new());
    while held.len() + devices.len() < HELD {
        let sample = subscriber.recv().unwrap();
        let Some(stream) = &stream else {
            held.push(sample);
            continue;
        };
        let frame = Frame::from_payload(sample.payload(), &pinner).unwrap();
        eventually("the segment is registered", || {
            frame.registered_address().is_ok()
        });
        devices.push(frame.copy_to_device(stream).unwrap());
        if driver::is_real() {
            copied.push(frame);
        }
    }
    if copies && !driver::is_real() {
        assert_eq!(pinner.statistics().copies_in_flight, HELD);
    }
    // What comes after these is dropped at once, so that they are all that it holds.
    println!("holds");
    // A real device is done in no time: it is killed while it copies the same ones again and again.
    let wait = Duration::from_millis(if copied.is_empty() { 1000 } else { 0 });
    while let Ok(sample) = subscriber.recv_timeout(wait) {
        drop(sample);
        let Some(stream) = stream.as_ref().filter(|_| driver::is_real()) else {
            continue;
        };
        for (frame, device) in copied.iter().zip(&mut devices) {
            frame.copy_into(device, stream).unwrap();
        }
        stream.synchronize().unwrap();
    }
}
