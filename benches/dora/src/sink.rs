//! The unmodified sink in Rust: nothing but dora's own node API.

use std::{fmt::Write, fs, path::PathBuf};

use dora_node_api::{DoraNode, Event, get_integer_param};

use crate::{Outcome, clock, mappings::Mappings, round::WARM_UP};

pub(crate) fn run() -> Outcome {
    let folder = PathBuf::from(std::env::var("FOLDER").map_err(|_| "FOLDER is not set")?);
    let (_node, mut events) = DoraNode::init_from_env()?;
    let mut mappings = Mappings::default();
    let mut lines = String::new();
    let (mut cpu, mut cpu_at_last) = (None, 0);
    while let Some(event) = events.recv() {
        let Event::Input { metadata, data, .. } = event else {
            continue;
        };
        let arrived = clock::now();
        let number = |key| get_integer_param(&metadata.parameters, key).unwrap_or_default();
        let address = data.as_array().to_data().buffers()[0].as_ptr() as usize;
        let shared = u8::from(mappings.is_shared(address));
        let (frame, begun, sent) = (number("frame"), number("begun"), number("sent"));
        writeln!(lines, "{frame} {begun} {sent} {arrived} {shared}")?;
        cpu_at_last = clock::cpu_of_this_process();
        if frame >= WARM_UP as i64 {
            cpu.get_or_insert(cpu_at_last);
        }
    }
    writeln!(lines, "{}", cpu_at_last - cpu.unwrap_or(cpu_at_last))?;
    fs::write(folder.join("sink"), lines)?;
    Ok(())
}
