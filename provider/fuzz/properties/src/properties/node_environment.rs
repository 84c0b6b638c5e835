//! Another process's environment names a node of the dataflow or nothing.
//!
//! Input: an environment as `/proc/<pid>/environ` shows it.

use dora_message::DataflowId;
use zenoh_pinned_node::internals::{Environment, NODE_CONFIG, node_in, parse_config, variable};

use crate::{Seed, Target};

pub(crate) const TARGET: Target = Target {
    name: "node_environment",
    check,
    seeds,
};

const DATAFLOW: DataflowId = DataflowId::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);

fn check(input: &[u8]) {
    let value = variable(input, NODE_CONFIG);
    if let Some(value) = value {
        assert!(!value.contains(&0), "one variable only");
    }
    match node_in(input, DATAFLOW) {
        Environment::Node(_) => {
            let config = value.and_then(|value| parse_config(value).ok());
            assert!(config.is_some_and(|config| config.dataflow_id == DATAFLOW));
        }
        Environment::OtherDataflow => assert!(value.is_some()),
        Environment::Undescribed => {}
    }
}

fn config(dataflow: DataflowId) -> String {
    format!(
        "DORA_NODE_CONFIG=dataflow_id: {dataflow}\nnode_id: camera\nrun_config:\n  inputs: {{}}\n  outputs:\n  - \
         image\ndaemon_communication: null\ndataflow_descriptor: null\ndynamic: false\n"
    )
}

fn seeds() -> Vec<Seed> {
    let with = |config: &str| format!("PATH=/bin\0{config}\0HOME=/\0").into_bytes();
    let mut seeds = vec![
        (String::from("node"), with(&config(DATAFLOW))),
        (
            String::from("other-dataflow"),
            with(&config(DataflowId::nil())),
        ),
        (String::from("no-node"), with("TERM=dumb")),
        (String::from("title"), b"my process\0\0\0".to_vec()),
        (String::from("empty"), Vec::new()),
    ];
    for (name, text) in [
        ("nested", "[".repeat(300)),
        ("anchors", String::from("&a [*a, *a]")),
        ("billion-laughs", billion_laughs()),
        ("tag", String::from("!!binary aGVsbG8=")),
        ("not-utf8", String::from("\u{fffd}")),
    ] {
        seeds.push((name.to_owned(), with(&format!("{NODE_CONFIG}={text}"))));
    }
    seeds
}

/// Ten times ten times ... of a word, in a few lines.
fn billion_laughs() -> String {
    let mut text = String::from("a0: &a0 lol\n");
    for level in 1..9 {
        let again = format!("*a{}, ", level - 1).repeat(9);
        text += &format!("a{level}: &a{level} [{again}]\n");
    }
    text
}
