//! The other process: a subscriber that tells when it has something, or when it lets it go.
//!
//! It has no device: the figures are those of the host's side, and the same with a GPU in the machine or without.

use std::{sync::mpsc, time::Duration};

use zenoh::{Wait, sample::Sample};
use zenoh_pinned::{Frame, Pinner};
use zenoh_pinned_measuring::clock::now;

use crate::{
    Outcome,
    arm::Arm,
    line::{self, TOLD, UNTOLD},
    peer::{tell, tell_when_woken},
};

/// The roles.
pub(crate) const RECEIVE: &str = "receive";
/// [`RECEIVE`] on the last processor.
pub(crate) const RECEIVE_APART: &str = "receive-apart";
pub(crate) const RELEASE: &str = "release";

/// How long messages are kept in turn, in microseconds: released early and late in a wait.
const KEPT: [u64; 3] = [700, 3000, 15_000];

/// Tells when its callback was called with a message and when it has it in hand: zenoh-pinned's as a `Frame`, stock
/// zenoh's as a buffer in shared memory, plain zenoh's as bytes in one piece.
pub(crate) fn receive(arm: Arm, endpoint: &str) -> Outcome {
    let pinner = Pinner::host_only();
    let session = line::connect(arm, endpoint, &pinner)?;
    let quiet = pinner.clone();
    let _untold = session
        .declare_subscriber(UNTOLD)
        .callback(move |sample| {
            if arrival(arm, &sample, &quiet).is_none() {
                tell(None);
            }
        })
        .wait()?;
    let _told = session
        .declare_subscriber(TOLD)
        .callback(move |sample| {
            let times = arrival(arm, &sample, &pinner);
            tell(times.as_ref().map(|times| &times[..]));
        })
        .wait()?;
    tell_when_woken();
    Ok(())
}

/// `None` where the message is not what it should be.
fn arrival(arm: Arm, sample: &Sample, pinner: &Pinner) -> Option<[u64; 2]> {
    let called = now();
    let payload = sample.payload();
    let (in_hand, is_as_it_should) = match arm {
        Arm::Pinned => {
            let frame = Frame::from_payload(payload, pinner);
            (now(), frame.is_ok_and(|frame| frame.is_shared()))
        }
        Arm::Stock => {
            let is_shared = payload.as_shm().is_some();
            (now(), is_shared)
        }
        Arm::Plain => {
            let bytes = payload.to_bytes();
            (now(), !bytes.is_empty() && payload.as_shm().is_none())
        }
    };
    is_as_it_should.then_some([called, in_hand])
}

/// Keeps each message for a while, and tells when it begins to let it go.
pub(crate) fn release(arm: Arm, endpoint: &str) -> Outcome {
    let pinner = Pinner::host_only();
    let session = line::connect(arm, endpoint, &pinner)?;
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
            let (sample, frame) = match arm {
                Arm::Pinned => (None, Frame::from_payload(sample.payload(), &pinner).ok()),
                Arm::Stock | Arm::Plain => (Some(sample), None),
            };
            std::thread::sleep(Duration::from_micros(kept));
            let released = now();
            drop((sample, frame));
            tell(Some(&[released]));
        }
    });
    tell_when_woken();
    Ok(())
}
