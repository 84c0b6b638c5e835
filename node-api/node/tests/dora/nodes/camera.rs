//! A camera: frames at a rate, in place, copied into a slot, or sent by dora itself.

use std::time::{Duration, Instant};

use dora_node_api::{
    DoraNode, IntoArrow, MetadataParameters, Parameter, dora_core::config::DataId,
};
use serde_json::json;
use zenoh_pinned_node::dora::{
    Delivery, ElementType, OutputReport, Pinned, PinnedOptions, PinnedOutputs, SendError,
};

use super::{crash, order, order_or, pause, show_log};
use crate::{frames, journal::Journal};

#[test]
#[ignore = "a node of a dataflow"]
fn camera() {
    show_log();
    let mut journal = Journal::open();
    let (mut node, _events) = super::join();
    let mut outputs = PinnedOutputs::attach(&node);
    journal.note(json!({"started": std::process::id(), "restarts": node.restart_count()}));
    pause("PAUSE_FIRST");
    let output = DataId::from(order_or("OUTPUT", String::from("image")));
    let first: u64 = order_or("FIRST", 0);
    let count: u64 = order("FRAMES").parse().unwrap();
    let interval = Duration::from_micros(order_or("INTERVAL_US", 0));
    let crash_after = order_or("CRASH_AFTER", u64::MAX);
    if let Ok(bytes) = std::env::var("PREPARE") {
        let bytes = bytes.parse().unwrap();
        outputs.prepare(&output, bytes, options()).unwrap();
    }
    let started = Instant::now();
    for frame in first..first + count {
        let due = interval * u32::try_from(frame - first).unwrap();
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        match send(&mut node, &mut outputs, &output, frame) {
            Ok(Delivery::Dropped | Delivery::Ignored) => journal.note(json!({"not_sent": frame})),
            Ok(_) => {}
            Err(error @ SendError::Full { .. }) => {
                journal.note(json!({"full": frame, "error": error.to_string()}));
            }
            Err(error) => panic!("{error}"),
        }
        for other in order_or("AND_OUTPUTS", String::new()).split_terminator(',') {
            let other = DataId::from(other.to_owned());
            send(&mut node, &mut outputs, &other, frame).unwrap();
        }
        if frame == crash_after && node.restart_count() == 0 {
            crash();
        }
    }
    journal.note(json!({"sent": count}));
    pause("PAUSE_LAST");
    let report = outputs.close();
    for output in &report.outputs {
        note_output(&mut journal, output);
    }
    for pool in &report.pools {
        journal.note(json!({
            "pool_bytes": pool.bytes,
            "slots": pool.slots,
            "waits": pool.waits,
            "waited_us": pool.waited.as_micros() as u64,
        }));
    }
}

fn note_output(journal: &mut Journal, output: &OutputReport) {
    journal.note(json!({
        "output": output.output.to_string(),
        "path": format!("{:?}", output.path),
        "sent_pinned": output.sent,
        "sent_as_bytes": output.sent_as_bytes,
        "timeouts": output.timeouts,
        "dropped": output.dropped,
    }));
}

/// Bytes of a frame: always the same, thrice as much from some frame on, or from a list of KiB.
fn bytes_of(frame: u64) -> usize {
    let sizes = order_or("KIBIBYTES", String::new());
    let mut sizes = sizes.split_terminator(',').cycle();
    if let Some(size) = sizes.nth(frame as usize) {
        return size.parse::<usize>().unwrap() << 10;
    }
    let grows = frame >= order_or("GROW_AT", u64::MAX);
    order_or("BYTES", frames::FULL_HD) * if grows { 3 } else { 1 }
}

/// How long a message waits for a slot, in milliseconds; zero for the default, which drops it.
fn options() -> PinnedOptions {
    match order_or("WAIT", 1000) {
        0 => Pinned.into(),
        wait => Pinned.wait_at_most(Duration::from_millis(wait)),
    }
}

fn send(
    node: &mut DoraNode,
    outputs: &mut PinnedOutputs,
    output: &DataId,
    frame: u64,
) -> Result<Delivery, SendError> {
    let bytes = bytes_of(frame);
    let mut parameters = MetadataParameters::new();
    let mut note = |key: &str, value: u64| {
        parameters.insert(key.to_owned(), Parameter::Integer(value as i64));
    };
    note("frame", frame);
    match order_or("HOW", String::from("in place")).as_str() {
        "in place" => {
            let mut slot = match order_or("WAIT", 1000) {
                0 => outputs.alloc(output, &[bytes], ElementType::Uint8)?,
                wait => {
                    let wait = Duration::from_millis(wait);
                    outputs.alloc_timeout(output, &[bytes], ElementType::Uint8, wait)?
                }
            };
            frames::fill(frame, &mut slot);
            note("sent", frames::now());
            outputs.send(node, parameters, slot)
        }
        "copy" => {
            let mut image = vec![0; bytes];
            frames::fill(frame, &mut image);
            note("sent", frames::now());
            let image = image.into_arrow();
            outputs.send_output(node, output.clone(), parameters, image, options())
        }
        "dora" => {
            let mut image = vec![0; bytes];
            frames::fill(frame, &mut image);
            note("sent", frames::now());
            node.send_output(output.clone(), parameters, image.into_arrow())?;
            Ok(Delivery::Dora)
        }
        other => panic!("HOW={other:?}"),
    }
}
