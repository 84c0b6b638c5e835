//! A first look at a device: copies of four sizes, from each memory, and the CPU time that each takes.

use serde_json::json;
use zenoh_pinned::Pinner;

use super::sources::Sources;
use crate::{Outcome, arm::Arm, clock, frame::FRAME_BYTES, report::median};

const SIZES: [usize; 4] = [64 << 10, 1 << 20, FRAME_BYTES, 64 << 20];
const REPETITIONS: usize = 5;
/// Bytes that one repetition moves, at least.
const BYTES: usize = 64 << 20;

/// Prints a line of JSON for each size and memory, before the next one is measured.
pub fn look(pinner: &Pinner) -> Outcome {
    let context = pinner.context().ok_or_else(|| match pinner.reason() {
        Some(reason) => reason.to_string(),
        None => String::from("no device"),
    })?;
    let stream = context.new_stream()?;
    for bytes in SIZES {
        let mut sources = Sources::new(pinner, &stream, bytes)?;
        let row = (BYTES / bytes).clamp(1, 256);
        for arm in Arm::COPYING {
            let (mut rates, mut cpu) = (Vec::new(), Vec::new());
            for repetition in 0..=REPETITIONS {
                let (begun, used) = (clock::now(), clock::cpu_of_this_process());
                for _ in 0..row {
                    sources.enqueue(arm, &stream)?;
                }
                stream.synchronize()?;
                // The first time warms up.
                if repetition > 0 {
                    rates.push((row * bytes) as f64 / (clock::now() - begun) as f64);
                    let used = clock::cpu_of_this_process() - used;
                    cpu.push(used as f64 / row as f64 / 1e3);
                }
            }
            let path = sources
                .path(arm)
                .map(|path| format!("{path:?}").to_lowercase());
            let line = json!({
                "what": "copy to the device",
                "memory": arm.name(),
                "bytes": bytes,
                "GB/s": round_to_hundredths(median(rates)),
                "CPU us a copy": round_to_hundredths(median(cpu)),
                "path": path.as_deref().unwrap_or("not asked for"),
            });
            println!("{line}");
        }
    }
    Ok(())
}

fn round_to_hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
