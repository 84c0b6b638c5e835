//! A process that registers the pool, as every consumer does: with its first frame, in the background.

use std::{
    io::Read,
    time::{Duration, Instant},
};

use zenoh::Wait;
use zenoh_pinned::{Frame, Pinner};

use super::{PATIENCE, Span};
use crate::{Outcome, clock, session, workload::Orders};

/// How often it is asked whether the registration stands.
const DISTANCE: Duration = Duration::from_micros(50);

pub fn run() -> Outcome {
    let orders = Orders::from_environment()?;
    let pinner = Pinner::builder().device(0).build();
    let clients = zenoh_pinned::shm_clients(&pinner);
    let session = session::open(&[], &[orders.endpoint(0)], Some(clients))?;
    let frames = session.declare_subscriber("pool").wait()?;
    println!("listening");
    let begun = Instant::now();
    let frame = loop {
        if let Some(sample) = frames.recv_timeout(Duration::from_millis(100))? {
            break Frame::from_payload(sample.payload(), &pinner)?;
        }
        if begun.elapsed() > PATIENCE {
            return Err("no frame came".into());
        }
    };
    let first = clock::now();
    while let Err(reason) = frame.registered_address() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("the pool was not registered: {reason}").into());
        }
        // Those for the others; what is not taken keeps its slot.
        while frames.try_recv()?.is_some() {}
        std::thread::sleep(DISTANCE);
    }
    let registered = clock::now();
    drop(frame);
    // No further one comes here.
    frames.undeclare().wait()?;
    let result = orders.result("registrant", orders.index);
    // In one step: the parent waits for the file.
    let partial = result.with_extension("partial");
    std::fs::write(&partial, format!("{first} {registered}"))?;
    std::fs::rename(partial, result)?;
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(())
}

/// When it had its first frame, and when that was registered.
pub(super) fn read(orders: &Orders) -> Outcome<Span> {
    let text = std::fs::read_to_string(orders.result("registrant", orders.index))?;
    let mut times = text.split(' ').map(str::parse);
    match (times.next(), times.next()) {
        (Some(Ok(first)), Some(Ok(registered))) => Ok((first, registered)),
        _ => Err(format!("a registrant left {text:?}").into()),
    }
}
