//! A sender of arrays of many types, and an unmodified receiver that compares them.

use dora_node_api::{
    DoraNode, Event, MetadataParameters, Parameter, dora_core::config::DataId, get_integer_param,
};
use serde_json::json;
use zenoh_pinned_node::dora::{ElementType, Pinned, PinnedOutputs, SendError};

use super::show_log;
use crate::{arrays, journal::Journal};

#[test]
#[ignore = "a node of a dataflow"]
fn array_sender() {
    show_log();
    let mut journal = Journal::open();
    let (mut node, _events) = DoraNode::init_from_env().unwrap();
    let mut outputs = PinnedOutputs::attach(&node);
    let output = DataId::from(String::from("arrays"));
    for (number, array) in arrays::all().into_iter().enumerate() {
        let mut parameters = MetadataParameters::new();
        let number = Parameter::Integer(number as i64);
        parameters.insert(String::from("number"), number);
        let sent = outputs.send_output(&mut node, output.clone(), parameters, array, Pinned);
        journal.note(json!({"delivery": format!("{:?}", sent.unwrap())}));
    }

    // What cannot be sent is an error, and leaves everything as it was.
    let too_large = outputs.alloc(&output, &[1 << 40], ElementType::Float64);
    assert!(
        matches!(too_large, Err(SendError::OverBudget { .. })),
        "{too_large:?}"
    );
    let overflowing = outputs.alloc(&output, &[usize::MAX, 3], ElementType::Uint8);
    assert!(
        matches!(overflowing, Err(SendError::Shape { .. })),
        "{overflowing:?}"
    );
    let empty = outputs.alloc(&output, &[4, 0], ElementType::Uint8);
    assert!(matches!(empty, Err(SendError::Shape { .. })), "{empty:?}");
    let other = DataId::from(String::from("undeclared"));
    let undeclared = outputs.alloc(&other, &[1], ElementType::Uint8);
    assert!(
        matches!(undeclared, Err(SendError::UndeclaredOutput { .. })),
        "{undeclared:?}"
    );
    let ignored = outputs.send_output(&mut node, other, Default::default(), arrays::one(), Pinned);
    journal.note(json!({"ignored": format!("{:?}", ignored.unwrap())}));
    let vast = arrays::vast();
    let vast = outputs.send_output(&mut node, output.clone(), Default::default(), vast, Pinned);
    journal.note(json!({"over_budget": vast.unwrap_err().to_string()}));

    // The node and the output work as before, on both ways.
    let parameters = || {
        let last = Parameter::Integer(-1);
        MetadataParameters::from([(String::from("number"), last)])
    };
    let again = outputs.send_output(&mut node, output, parameters(), arrays::one(), Pinned);
    journal.note(json!({"again": format!("{:?}", again.unwrap())}));
    let plain = DataId::from(String::from("plain"));
    node.send_output(plain, parameters(), arrays::one())
        .unwrap();
}

#[test]
#[ignore = "a node of a dataflow"]
fn array_receiver() {
    let mut journal = Journal::open();
    let (_node, mut events) = DoraNode::init_from_env().unwrap();
    let all = arrays::all();
    while let Some(event) = events.recv() {
        match event {
            Event::Input { id, metadata, data } => {
                let number = get_integer_param(&metadata.parameters, "number").unwrap();
                let expected = match usize::try_from(number) {
                    Ok(number) => all[number].clone(),
                    Err(_) => arrays::one(),
                };
                let equal = data.as_array().to_data() == expected.as_array().to_data();
                let entry = json!({
                    "input": id.to_string(), "number": number, "equal": equal,
                    "type": data.type_name(), "rows": data.len(),
                });
                journal.note(entry);
            }
            Event::InputClosed { id } => journal.note(json!({"closed": id.to_string()})),
            // What was received before a stop is still to come.
            _ => {}
        }
    }
}
