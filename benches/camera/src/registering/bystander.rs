//! A process with a device that takes no part: it copies 64 KiB again and again, and notes how long each copy took.

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use zenoh_pinned::Pinner;

use super::{Seen, Span};
use crate::{Outcome, clock, device::memory::PinnedBuffer, report::Latency, workload::Orders};

const BYTES: usize = 64 << 10;

pub fn run() -> Outcome {
    let orders = Orders::from_environment()?;
    let pinner = Pinner::builder().device(0).build();
    let stream = pinner.context().ok_or("no device")?.new_stream()?;
    let source = PinnedBuffer::new(stream.context(), BYTES)?;
    let mut destination = stream.alloc_zeros::<u8>(BYTES)?;
    let ended = Arc::new(AtomicBool::new(false));
    let sets = ended.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        sets.store(true, Ordering::Relaxed);
    });
    println!("copying");
    let mut copies = String::new();
    // Relaxed: a flag, with nothing behind it.
    while !ended.load(Ordering::Relaxed) {
        let begun = clock::now();
        source.enqueue(&mut destination, &stream)?;
        stream.synchronize()?;
        copies += &format!("{begun} {}\n", clock::now());
    }
    Ok(std::fs::write(orders.result("bystander", 0), copies)?)
}

/// When its copies began and ended.
pub(super) fn read(orders: &Orders) -> Outcome<Vec<Span>> {
    let text = std::fs::read_to_string(orders.result("bystander", 0))?;
    let span = |line: &str| {
        let (begun, ended) = line.split_once(' ')?;
        Some((begun.parse().ok()?, ended.parse().ok()?))
    };
    Ok(text.lines().filter_map(span).collect())
}

/// The copies that were under way at some moment of the span.
pub(super) fn seen(copies: &[Span], (from, until): Span) -> Seen {
    let meanwhile = copies
        .iter()
        .filter(|(begun, ended)| *ended >= from && *begun <= until);
    let times: Vec<u64> = meanwhile.map(|(begun, ended)| ended - begun).collect();
    match Latency::of(times.iter().copied()) {
        Some(latency) => Seen {
            copies: latency.samples,
            p50: latency.p50,
            p99: latency.p99,
            maximum: latency.maximum,
        },
        None => Seen::default(),
    }
}
