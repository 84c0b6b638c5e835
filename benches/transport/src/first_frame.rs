//! The first frame of a pool at a consumer that has just come: the segment is attached on the way.

use std::{io::Write, time::Duration};

use zenoh::Wait;
use zenoh_pinned::{Frame, Pinner};

use crate::{
    Outcome,
    arm::Producer,
    peer::{self, Peer},
    samples::{Samples, heading, now, pause},
};

const ROUNDS: usize = 25;

pub(crate) fn measure() -> Outcome {
    let arms = [
        ("zenoh-pinned, 64 MiB", "pinned", Producer::pinned(8)?),
        ("stock zenoh, 64 MiB", "stock", Producer::stock(8)?),
        // What zenoh itself does at the first shared-memory message, whatever the pool.
        (
            "stock zenoh, 8 KiB: the floor",
            "stock",
            Producer::stock_of(1, 4096)?,
        ),
    ];
    let mut times = [(); 3].map(|()| Samples::default());
    for _ in 0..ROUNDS {
        for ((_, consumer, producer), times) in arms.iter().zip(&mut times) {
            let endpoint = peer::endpoint();
            let session = peer::listen(&endpoint)?;
            let mut consumer = Peer::start(&["consume-first", consumer, &endpoint])?;
            let publisher = peer::publisher(&session, "frame")?;
            pause(Duration::from_millis(100));
            let frame = producer.frame()?;
            let begin = now();
            publisher.put(frame).wait()?;
            let [called] = consumer.numbers()?[..] else {
                return Err("the consumer said something else".into());
            };
            times.push(called.saturating_sub(begin));
            drop(consumer);
            session.close().wait()?;
        }
    }
    heading("first frame of a pool to a new consumer's callback");
    for ((name, ..), times) in arms.iter().zip(&times) {
        println!("{}", times.row(name));
    }
    Ok(())
}

pub(crate) fn consume(arm: &str, endpoint: &str) -> Outcome {
    let pinner = Pinner::builder().device(0).build();
    let ours = arm == "pinned";
    let session = peer::connect(endpoint, ours.then(|| zenoh_pinned::shm_clients(&pinner)))?;
    let _subscriber = session
        .declare_subscriber("frame")
        .callback(move |sample| {
            let shared = if ours {
                Frame::from_payload(sample.payload(), &pinner).is_ok_and(|frame| frame.is_shared())
            } else {
                sample.payload().as_shm().is_some()
            };
            if shared {
                let mut output = std::io::stdout().lock();
                let _ = writeln!(output, "{}", now());
                let _ = output.flush();
            }
        })
        .wait()?;
    peer::wait_for_end();
    Ok(())
}
