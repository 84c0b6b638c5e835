//! The camera node.

use std::{fmt::Write, fs, path::PathBuf, time::Duration};

use dora_node_api::{
    DoraNode, IntoArrow, MetadataParameters, Parameter, dora_core::config::DataId,
};
use zenoh_pinned_node::dora::{ElementType, Pinned, PinnedOutputs};

use crate::{FRAME_BYTES, Outcome, clock, round::WARM_UP};

/// How long a frame may wait for a slot.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends the frames that its environment orders, and writes its CPU time for those that count.
pub(crate) fn run() -> Outcome {
    let order = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let folder = PathBuf::from(order("FOLDER")?);
    let frames: u64 = order("FRAMES")?.parse()?;
    let interval: u64 = order("INTERVAL_US")?.parse::<u64>()? * 1000;
    let how = order("HOW")?;
    let output = DataId::from(String::from("image"));
    let (mut node, _events) = DoraNode::init_from_env()?;
    let mut outputs = PinnedOutputs::attach(&node);
    let mut cpu = 0;
    let mut calls = String::new();
    let mut note_calls = |nanoseconds: u64| writeln!(calls, "{nanoseconds}");
    let started = clock::now();
    for frame in 0..frames {
        clock::sleep_until(started + frame * interval);
        if frame == WARM_UP {
            fs::write(folder.join("warm"), "")?;
            cpu = clock::cpu_of_this_process();
        }
        let mut parameters = MetadataParameters::new();
        let mut note = |key: &str, value: u64| {
            parameters.insert(key.to_owned(), Parameter::Integer(value as i64));
        };
        note("frame", frame);
        note("begun", clock::now());
        if how == "in place" {
            let before = clock::now();
            let mut slot =
                outputs.alloc_timeout(&output, &[FRAME_BYTES], ElementType::Uint8, PATIENCE)?;
            let allocated = clock::now() - before;
            slot.fill(frame as u8);
            let sent = clock::now();
            note("sent", sent);
            outputs.send(&mut node, parameters, slot)?;
            note_calls(allocated + clock::now() - sent)?;
            continue;
        }
        let image = vec![frame as u8; FRAME_BYTES].into_arrow();
        let sent = clock::now();
        note("sent", sent);
        if how == "copy" {
            outputs.send_output(
                &mut node,
                output.clone(),
                parameters,
                image,
                Pinned.wait_at_most(PATIENCE),
            )?;
        } else {
            node.send_output(output.clone(), parameters, image)?;
        }
        note_calls(clock::now() - sent)?;
    }
    let used = clock::cpu_of_this_process() - cpu;
    fs::write(folder.join("calls"), calls)?;
    fs::write(folder.join("camera"), used.to_string())?;
    Ok(())
}
