//! Bytes of shared memory beyond those of the tensors.
//!
//! A small model that is like a real one: a text detector in MobileNet's manner, 15 MB in some 190 tensors, most of them of
//! fewer than a thousand elements. And the large one in sixteen tensors.

use serde_json::{Value, json};
use zenoh_pinned_models::Registry;

use crate::{Bench, Outcome, mapped::shared_bytes, model_file::ModelFile};

pub fn measure(bench: &Bench) -> Outcome<Value> {
    let small = small_real();
    let large = vec![bench.plan.large / 16 / 4; 16];
    Ok(json!({
        "small_real": of(bench, "like a small real model", &small)?,
        "large": of(bench, "a large model", &large)?,
    }))
}

fn of(bench: &Bench, what: &str, elements: &[u64]) -> Outcome<Value> {
    let path = bench.folder.join("overhead.safetensors");
    let file = ModelFile::write(&path, elements)?;
    let before = shared_bytes()?;
    let registry = Registry::builder().build();
    let weights = registry.load("weights", &path)?;
    let shared = shared_bytes()?.saturating_sub(before);
    let told = registry
        .statistics()
        .models
        .iter()
        .map(|model| model.bytes)
        .sum::<u64>();
    drop(weights);
    std::fs::remove_file(&path)?;
    let percent = 100.0 * (shared as f64 / file.bytes as f64 - 1.0);
    println!(
        "{what:44}{:4} tensors{:12} bytes{:12} shared{percent:8.3} %",
        elements.len(),
        file.bytes,
        shared
    );
    Ok(json!({
        "tensors": elements.len(),
        "tensor_bytes": file.bytes,
        "shared_bytes": shared,
        "told_bytes": told,
        "percent": percent,
    }))
}

/// Elements of each tensor: blocks of a widening, a depthwise and a narrowing convolution, each with scale and bias, and
/// what squeezes and excites behind the second of them.
fn small_real() -> Vec<u64> {
    const BLOCKS: [(u64, u64, u64); 15] = [
        (16, 16, 3),
        (16, 64, 3),
        (24, 72, 3),
        (24, 72, 5),
        (40, 120, 5),
        (40, 120, 5),
        (40, 240, 3),
        (80, 200, 3),
        (80, 184, 3),
        (80, 480, 3),
        (112, 672, 3),
        (112, 672, 5),
        (160, 960, 5),
        (160, 960, 5),
        (160, 960, 5),
    ];
    let mut elements = vec![16 * 3 * 9, 16, 16];
    for (narrow, wide, kernel) in BLOCKS {
        elements.extend([wide * narrow, wide, wide]);
        elements.extend([wide * kernel * kernel, wide, wide]);
        elements.extend([wide * wide / 4, wide / 4, wide * wide / 4, wide]);
        elements.extend([narrow * wide, narrow, narrow]);
    }
    elements
}
