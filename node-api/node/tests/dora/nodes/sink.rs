//! An unmodified sink: nothing but dora's own node API.

use dora_node_api::{
    Event, EventStream,
    futures::{StreamExt, executor::block_on},
    get_integer_param,
};
use serde_json::json;

use super::{crash, order_or, pause};
use crate::{frames, journal::Journal};

#[test]
#[ignore = "a node of a dataflow"]
fn sink() {
    let mut journal = Journal::open();
    let (node, mut events) = super::join();
    journal.note(json!({"started": std::process::id(), "restarts": node.restart_count()}));
    let crash_after = order_or("CRASH_AFTER", u64::MAX);
    let mut held = Vec::new();
    while let Some(event) = next(&mut events) {
        match event {
            Event::Input { id, metadata, data } => {
                let arrived = frames::now();
                let frame = get_integer_param(&metadata.parameters, "frame").unwrap() as u64;
                let sent = get_integer_param(&metadata.parameters, "sent").unwrap() as u64;
                let array = data.as_array().to_data();
                let bytes = &array.buffers()[0].as_slice()[..array.len()];
                journal.note(json!({
                    "frame": frame,
                    "input": id.to_string(),
                    "shared": frames::is_shared(bytes.as_ptr()),
                    "aligned": (bytes.as_ptr() as usize).is_multiple_of(4096),
                    "equal": frames::is_equal(frame, bytes),
                    "transport_ns": arrived - sent,
                }));
                if frame == crash_after && node.restart_count() == 0 {
                    held.push(data);
                    crash();
                }
                if order_or("LETS_GO_EARLY", false) {
                    drop((array, data));
                }
                pause("PAUSE");
                if frame == order_or("LEAVE_AFTER", u64::MAX) {
                    break;
                }
            }
            Event::InputClosed { id } => journal.note(json!({"closed": id.to_string()})),
            Event::InputRecovered { id } => journal.note(json!({"recovered": id.to_string()})),
            // What was received before is still to come.
            Event::Stop(_) => {
                journal.note(json!({"stop": true}));
                if order_or("ENDS_AT_STOP", false) {
                    break;
                }
            }
            other => journal.note(json!({"event": format!("{other:?}")})),
        }
    }
    journal.note(json!({"ended": true}));
    drop((held, events, node));
    pause("PAUSE_AFTER");
}

/// The next event: as dora's scheduler orders them, control events first, or in the order of their arrival.
fn next(events: &mut EventStream) -> Option<Event> {
    match order_or("CHRONOLOGICAL", false) {
        true => block_on(events.next()),
        false => events.recv(),
    }
}
