//! From `put` to the callback in another process.

use std::{io::Write, time::Duration};

use zenoh::Wait;
use zenoh_pinned::{Frame, Pinner};

use crate::{
    Outcome,
    arm::Producer,
    peer::{self, Peer},
    samples::{Samples, heading, now, pause},
};

const ROUNDS: usize = 600;
const WARM_UP: usize = 20;

pub(crate) fn measure() -> Outcome {
    let endpoints = [peer::endpoint(), peer::endpoint()];
    let sessions = [peer::listen(&endpoints[0])?, peer::listen(&endpoints[1])?];
    let mut consumer = Peer::start(&["consume-delivery", &endpoints[0], &endpoints[1]])?;
    let arms = [
        (
            Producer::pinned(8)?,
            peer::publisher(&sessions[0], "frame")?,
        ),
        (Producer::stock(8)?, peer::publisher(&sessions[1], "frame")?),
    ];
    for (title, gap) in [("33 ms", 33), ("5 ms", 5)] {
        // Callback of ours, frame of ours, callback of stock.
        let mut times = [Samples::default(), Samples::default(), Samples::default()];
        let rounds = if gap > 10 { ROUNDS / 2 } else { ROUNDS };
        for round in 0..rounds + WARM_UP {
            for (index, (producer, publisher)) in arms.iter().enumerate() {
                let frame = producer.frame()?;
                let begin = now();
                publisher.put(frame).wait()?;
                let [called, framed] = consumer.numbers()?[..] else {
                    return Err("the consumer said something else".into());
                };
                if round >= WARM_UP {
                    times[2 * index].push(called.saturating_sub(begin));
                    if index == 0 {
                        times[1].push(framed.saturating_sub(begin));
                    }
                }
                pause(Duration::from_millis(gap));
            }
        }
        heading(&format!(
            "`put` to another process's callback, {title} between puts"
        ));
        println!("{}", times[0].row("zenoh-pinned, callback"));
        println!("{}", times[1].row("zenoh-pinned, `Frame` in hand"));
        println!("{}", times[2].row("stock zenoh, callback"));
    }
    Ok(())
}

pub(crate) fn consume(endpoints: &[&str]) -> Outcome {
    let [pinned, stock] = endpoints else {
        return Err("two endpoints are needed".into());
    };
    let pinner = Pinner::builder().device(0).build();
    let ours = peer::connect(pinned, Some(zenoh_pinned::shm_clients(&pinner)))?;
    let theirs = peer::connect(stock, None)?;
    let _ours = ours
        .declare_subscriber("frame")
        .callback(move |sample| {
            let called = now();
            let frame = Frame::from_payload(sample.payload(), &pinner);
            let framed = now();
            if frame.is_ok_and(|frame| frame.is_shared()) {
                answer(called, framed);
            }
        })
        .wait()?;
    let _theirs = theirs
        .declare_subscriber("frame")
        .callback(|sample| {
            let called = now();
            if sample.payload().as_shm().is_some() {
                answer(called, called);
            }
        })
        .wait()?;
    peer::wait_for_end();
    Ok(())
}

fn answer(called: u64, framed: u64) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{called} {framed}");
    let _ = output.flush();
}
