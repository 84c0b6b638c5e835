//! A consumer of ours: attaches without locking pages, and copies each frame to the device.

use dora_node_api::{DoraNode, Event, get_integer_param};
use serde_json::json;
use zenoh_pinned::{Frame, Pinner, install_shm_clients};
use zenoh_pinned_node::dora::FromArrow;

use super::{pause, show_log};
use crate::{frames, journal::Journal};

#[test]
#[ignore = "a node of a dataflow"]
fn device() {
    show_log();
    let mut journal = Journal::open();
    let pinner = Pinner::builder().device(0).build();
    // Before the node opens its session.
    install_shm_clients(&pinner);
    let stream = pinner
        .context()
        .map(|context| context.new_stream().unwrap());
    let (node, mut events) = DoraNode::init_from_env().unwrap();
    journal.note(json!({"started": std::process::id()}));
    while let Some(event) = events.recv() {
        match event {
            Event::Input { id, metadata, data } => {
                let frame = get_integer_param(&metadata.parameters, "frame").unwrap() as u64;
                let view = Frame::from_arrow(&data, &pinner).unwrap();
                let shared = view.is_shared();
                let aligned = (view.as_ptr() as usize).is_multiple_of(4096);
                let whole = frames::is_equal(frame, &view);
                let equal = match &stream {
                    Some(stream) => {
                        let copied = view.copy_to_device(stream).unwrap();
                        let path = view.path();
                        // Everything of the frame goes while the copy is still to be executed.
                        drop((view, data));
                        let back = stream.clone_dtoh(&copied).unwrap();
                        journal.note(json!({"device_path": path.to_string()}));
                        whole && frames::is_equal(frame, &back)
                    }
                    None => whole,
                };
                journal.note(json!({
                    "frame": frame, "input": id.to_string(),
                    "shared": shared, "aligned": aligned, "equal": equal,
                }));
                pause("PAUSE");
            }
            Event::InputClosed { id } => journal.note(json!({"closed": id.to_string()})),
            // What was received before a stop is still to come.
            _ => {}
        }
    }
    let reason = pinner.reason().map(ToString::to_string);
    journal.note(json!({"ended": true, "reason": reason}));
    drop((node, events));
}
