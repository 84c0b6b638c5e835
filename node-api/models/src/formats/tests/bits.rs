//! No input, however damaged, makes a parser panic, or find what is not there.

use super::proto::{constant, elsewhere, model, proto, raw, tensor};
use super::safetensors::{SMALL, file};
use crate::formats::property;

fn inputs() -> Vec<Vec<u8>> {
    let shape = proto()
        .message(1, proto().bytes(2, "batch"))
        .message(1, proto().number(1, 3));
    let kind = proto().message(1, proto().number(1, 1).message(2, shape));
    let graph = proto()
        .message(5, raw("a", 1030, 0))
        .message(1, constant("b", raw("", 1024, 0)))
        .message(5, elsewhere(tensor("c", 2, &[3]), 3))
        .message(
            1,
            proto().message(5, proto().message(6, proto().message(5, raw("d", 2, 0)))),
        )
        .message(11, proto().bytes(1, "x").message(2, kind));
    let metadata = proto().bytes(1, "key").bytes(2, "value");
    let onnx = model(graph).message(14, metadata).0;
    let index = br#"{"metadata":{},"weight_map":{"a":"b.safetensors","c":"d"}}"#.to_vec();
    let inputs = [file(SMALL, &[0; 20]), onnx, index];
    let claimed = |file: Vec<u8>| [&(file.len() as u64).to_le_bytes()[..], &file].concat();
    inputs.map(claimed).into()
}

#[test]
fn every_bit_turned_and_every_byte_cut() {
    for input in inputs() {
        property(&input);
        for bytes in 0..input.len() {
            property(&input[..bytes]);
        }
        let mut turned = input;
        for bit in 0..turned.len() * 8 {
            turned[bit / 8] ^= 1 << (bit % 8);
            property(&turned);
            turned[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn bytes_replaced_doubled_and_dropped_at_random() {
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for input in inputs() {
        for _ in 0..4_000 {
            let mut changed = input.clone();
            for _ in 0..=random(4) {
                let at = random(changed.len());
                match random(3) {
                    0 => changed[at] = random(256) as u8,
                    1 => {
                        let end = (at + random(40)).min(changed.len());
                        let piece = changed[at..end].to_vec();
                        changed.splice(at..at, piece);
                    }
                    _ => drop(changed.drain(at..(at + random(10)).min(changed.len()))),
                }
                if changed.is_empty() {
                    break;
                }
            }
            property(&changed);
        }
    }
}
