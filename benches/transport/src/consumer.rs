//! The other process: a subscriber that tells when it has something, or when it lets it go.
//!
//! It has no device: the figures are those of the host's side, and the same with a GPU in the machine or without.

use std::{sync::mpsc, time::Duration};

use zenoh::{Wait, sample::Sample};
use zenoh_pinned::{Frame, Pinner};

use crate::{
    Outcome,
    clock::now,
    other_process::{tell, tell_when_woken},
    session::{self, TOLD, UNTOLD},
    transport::Transport,
};

/// How long messages are kept in turn, in microseconds: released early and late in a wait.
const KEPT: [u64; 3] = [700, 3000, 15_000];

/// Tells when it has each message: zenoh-pinned's as a `Frame`, stock zenoh's as a buffer in shared memory, plain
/// zenoh's as bytes in one piece.
pub(crate) fn receive(transport: Transport, endpoint: &str) -> Outcome {
    let pinner = Pinner::host_only();
    let session = session::connect(transport, endpoint, &pinner)?;
    let quiet = pinner.clone();
    let _untold = session
        .declare_subscriber(UNTOLD)
        .callback(move |sample| {
            let (_, is_as_it_should) = arrival(transport, &sample, &quiet);
            if !is_as_it_should {
                tell(0);
            }
        })
        .wait()?;
    let _told = session
        .declare_subscriber(TOLD)
        .callback(move |sample| {
            let (time, is_as_it_should) = arrival(transport, &sample, &pinner);
            tell(if is_as_it_should { time } else { 0 });
        })
        .wait()?;
    tell_when_woken();
    Ok(())
}

fn arrival(transport: Transport, sample: &Sample, pinner: &Pinner) -> (u64, bool) {
    let payload = sample.payload();
    match transport {
        Transport::Pinned => {
            let frame = Frame::from_payload(payload, pinner);
            (now(), frame.is_ok_and(|frame| frame.is_shared()))
        }
        Transport::Stock => {
            let is_shared = payload.as_shm().is_some();
            (now(), is_shared)
        }
        Transport::Plain => {
            let bytes = payload.to_bytes();
            (now(), !bytes.is_empty() && payload.as_shm().is_none())
        }
    }
}

/// Keeps each message for a while, and tells when it begins to let it go.
pub(crate) fn release(transport: Transport, endpoint: &str) -> Outcome {
    let pinner = Pinner::host_only();
    let session = session::connect(transport, endpoint, &pinner)?;
    let (sender, samples) = mpsc::channel::<Sample>();
    let _untold = session.declare_subscriber(UNTOLD).wait()?;
    let _told = session
        .declare_subscriber(TOLD)
        .callback(move |sample| {
            let _ = sender.send(sample);
        })
        .wait()?;
    std::thread::spawn(move || {
        for (sample, kept) in samples.into_iter().zip(KEPT.into_iter().cycle()) {
            let (sample, frame) = match transport {
                Transport::Pinned => (None, Frame::from_payload(sample.payload(), &pinner).ok()),
                Transport::Stock | Transport::Plain => (Some(sample), None),
            };
            std::thread::sleep(Duration::from_micros(kept));
            let released = now();
            drop((sample, frame));
            tell(released);
        }
    });
    tell_when_woken();
    Ok(())
}
