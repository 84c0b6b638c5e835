//! Files of models: safetensors, indices of them, and ONNX.
//!
//! Eight bytes of claimed length, little-endian, and the file's beginning.

use zenoh_pinned_models::formats::property;

use crate::{Seed, Target};

pub(crate) const TARGET: Target = Target {
    name: "model_file",
    check: property,
    seeds,
};

const HEADER: &[u8] = br#"{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"b":{"dtype":"F8_E4M3","shape":[],"data_offsets":[12,13]}}"#;
const INDEX: &[u8] =
    br#"{"metadata":{"total_size":4},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}"#;

fn seeds() -> Vec<Seed> {
    let mut whole = (HEADER.len() as u64).to_le_bytes().to_vec();
    whole.extend_from_slice(HEADER);
    whole.extend_from_slice(&[0; 13]);
    let large = whole.len() as u64 + (5 << 30);
    let files = [
        ("safetensors", whole.len() as u64, whole.clone()),
        ("claims-to-be-longer", large, whole),
        ("index", INDEX.len() as u64, INDEX.to_vec()),
        ("onnx", 0, onnx()),
    ];
    let files = files.map(|(name, claimed, bytes)| {
        let claimed = claimed.max(bytes.len() as u64);
        let mut input = claimed.to_le_bytes().to_vec();
        input.extend_from_slice(&bytes);
        (String::from(name), input)
    });
    files.into()
}

/// A model of one initializer of 1 KiB.
fn onnx() -> Vec<u8> {
    let mut tensor = field(4, &[0; 1024]); // raw_data, as field 9 below
    tensor[0] = 9 << 3 | 2;
    let mut initializer = vec![8, 128, 2]; // dims: 256
    initializer.extend_from_slice(&[16, 1]); // data_type: FLOAT
    initializer.extend(field(8, b"weights"));
    initializer.extend(tensor);
    let graph = field(5, &initializer);
    let mut model = vec![8, 8]; // ir_version: 8
    model.extend(field(7, &graph));
    model
}

/// A field of bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 128 {
        field.push(length as u8 | 128);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend_from_slice(bytes);
    field
}
