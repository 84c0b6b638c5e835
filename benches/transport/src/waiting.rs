//! From a consumer's release of the only slot to the return of the producer's waiting allocation.

use std::{io::Write, sync::mpsc, time::Duration};

use zenoh::Wait;
use zenoh_pinned::{Frame, Pinner};

use crate::{
    Outcome,
    arm::Producer,
    peer::{self, Peer},
    samples::{Samples, heading, now, pause},
};

const ROUNDS: usize = 300;
/// How long the consumer keeps each frame, in turn: released early and late in a wait.
const HELD_MICROSECONDS: [u64; 3] = [700, 3000, 15_000];

struct Arm {
    name: &'static str,
    producer: Producer,
    publisher: zenoh::pubsub::Publisher<'static>,
    consumer: Peer,
    times: Samples,
    _session: zenoh::Session,
}

impl Arm {
    fn new(
        name: &'static str,
        producer: Producer,
        consumer: &str,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let endpoint = peer::endpoint();
        let session = peer::listen(&endpoint)?;
        let consumer = Peer::start(&["consume-waiting", consumer, &endpoint])?;
        Ok(Self {
            name,
            producer,
            publisher: peer::publisher(&session, "frame")?,
            consumer,
            times: Samples::default(),
            _session: session,
        })
    }

    fn round(&mut self) -> Outcome {
        self.publisher.put(self.producer.frame()?).wait()?;
        // The only slot is held by the consumer now, so this waits.
        let next = self.producer.frame()?;
        let returned = now();
        let [released] = self.consumer.numbers()?[..] else {
            return Err("the consumer said something else".into());
        };
        self.times.push(returned.saturating_sub(released));
        drop(next);
        Ok(())
    }
}

pub(crate) fn measure() -> Outcome {
    let mut arms = [
        Arm::new(
            "zenoh-pinned, our consumer (it announces)",
            Producer::pinned(1)?,
            "pinned",
        )?,
        Arm::new(
            "zenoh-pinned, unmodified consumer (polled)",
            Producer::pinned(1)?,
            "stock",
        )?,
        Arm::new("stock zenoh, `BlockOn`", Producer::stock(1)?, "stock")?,
    ];
    for _ in 0..ROUNDS {
        for arm in &mut arms {
            arm.round()?;
            pause(Duration::from_millis(1));
        }
    }
    heading("release in a consumer to return of a waiting allocation");
    for arm in &arms {
        println!("{}", arm.times.row(arm.name));
    }
    Ok(())
}

pub(crate) fn consume(arm: &str, endpoint: &str) -> Outcome {
    let pinner = Pinner::host_only();
    let ours = arm == "pinned";
    let session = peer::connect(endpoint, ours.then(|| zenoh_pinned::shm_clients(&pinner)))?;
    let (sender, frames) = mpsc::channel();
    let _subscriber = session
        .declare_subscriber("frame")
        .callback(move |sample| {
            let _ = sender.send(sample);
        })
        .wait()?;
    let release = std::thread::spawn(move || {
        for (sample, held) in frames
            .into_iter()
            .zip(HELD_MICROSECONDS.into_iter().cycle())
        {
            let frame = ours.then(|| Frame::from_payload(sample.payload(), &pinner));
            let sample = if ours { None } else { Some(sample) };
            pause(Duration::from_micros(held));
            let released = now();
            drop((frame, sample));
            let mut output = std::io::stdout().lock();
            let _ = writeln!(output, "{released}");
            let _ = output.flush();
        }
    });
    peer::wait_for_end();
    drop(session);
    drop(release);
    Ok(())
}
