//! A dora camera whose image travels in pinned shared memory, and a node that receives it: one program, two nodes of
//! `dataflow.yml`. The receiver could be any dora node, in Rust or Python, that has never heard of this library.

use std::time::Duration;

use dora_node_api::{DoraNode, Event, EventStream, dora_core::config::DataId};
use zenoh_pinned::{Frame, Pinner, install_shm_clients};
use zenoh_pinned_node::dora::{ElementType, FromArrow, PinnedOutputs};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome {
    let pinner = Pinner::builder().device(0).build();
    install_shm_clients(&pinner); // before the node opens its session
    let (node, events) = DoraNode::init_from_env()?;
    match node.id().to_string().as_str() {
        "camera" => camera(node),
        _ => perception(events, &pinner),
    }
}

fn camera(mut node: DoraNode) -> Outcome {
    let mut outputs = PinnedOutputs::attach(&node);
    let image = DataId::from(String::from("image"));
    for number in 0..30 {
        let mut slot = outputs.alloc(&image, &[480, 640, 3], ElementType::Uint8)?;
        slot.fill(number); // a camera writes here: no copy follows
        outputs.send(&mut node, Default::default(), slot)?;
        std::thread::sleep(Duration::from_millis(33));
    }
    for output in outputs.close().outputs {
        let (name, sent) = (&output.output, output.sent);
        println!("camera: {sent} messages on {name}, path {:?}", output.path);
    }
    Ok(())
}

fn perception(mut events: EventStream, pinner: &Pinner) -> Outcome {
    let mut received = 0;
    while let Some(event) = events.recv() {
        if let Event::Input { data, .. } = event {
            let frame = Frame::from_arrow(&data, pinner)?;
            if let Some(context) = pinner.context() {
                frame.copy_to_device(&context.default_stream())?; // one DMA out of the camera's slot
            }
            received += 1;
            if received % 10 == 0 {
                let (bytes, value, path) = (frame.len(), frame[0], frame.path());
                println!("perception: {bytes} bytes, first {value}, path {path}");
            }
        }
    }
    println!("perception: {received} images");
    Ok(())
}
