//! What size costs a lease whose bytes are not compared: 1 GiB in one shard, in those of a registry that was told nothing,
//! and in sixteen, beside 1 MiB.

use serde_json::{Map, Value, json};
use zenoh_pinned_measuring::{room, sample::Sample};

use super::Served;
use crate::{Bench, Outcome, attacher::Attacher, median, model_file::ModelFile, plan::in_words};

/// Leases of each in a turn.
const TIMES: usize = 20;

pub fn measure(bench: &Bench) -> Outcome<Value> {
    let (small, huge) = (bench.plan.small, bench.plan.huge);
    let rows = [
        ("small", small, huge),
        ("one_shard", huge, huge),
        ("four_shards", huge, huge / 4),
        ("sixteen_shards", huge, huge / 16),
    ];
    room::for_shared_memory(rows.iter().map(|(_, bytes, _)| bytes).sum())?;
    let mut served = Vec::new();
    for (number, (_, bytes, shard_bytes)) in rows.iter().enumerate() {
        let path = bench.folder.join(format!("{bytes}.safetensors"));
        if !path.exists() {
            ModelFile::even(&path, *bytes)?;
        }
        let registry = Served::new(&format!("hand-over-{number}"), *shard_bytes)?;
        registry.load("weights", &path)?;
        served.push(registry);
    }
    for bytes in [small, huge] {
        std::fs::remove_file(bench.folder.join(format!("{bytes}.safetensors")))?;
    }
    let mut samples = rows.map(|_| Sample::default());
    let mut medians = rows.map(|_| Vec::new());
    let mut attacher = Attacher::start()?;
    for turn in 0..bench.plan.turns {
        for at in 0..rows.len() {
            // Another one begins each time.
            let at = (at + turn) % rows.len();
            let mut times = attacher.anew(&served[at].name, "weights", false, TIMES)?;
            medians[at].push(times.quantile(0.5));
            samples[at].extend(times);
        }
    }
    attacher.end()?;
    let mut shown = Map::new();
    for (at, ((name, bytes, shard_bytes), mut sample)) in rows.into_iter().zip(samples).enumerate()
    {
        let ratios = medians[at]
            .iter()
            .zip(&medians[0])
            .map(|(row, small)| row / small);
        let of_small = median(ratios.collect());
        println!(
            "{:44}{:10.1} us p50{:10.1} us p99{of_small:8.3} of {}",
            format!("{}, {}", in_words(bytes), name.replace('_', " ")),
            sample.quantile(0.5),
            sample.quantile(0.99),
            in_words(small)
        );
        shown.insert(
            name.to_owned(),
            json!({
                "bytes": bytes,
                "shards": bytes.div_ceil(shard_bytes),
                "times": sample.summary(),
                "of_small": of_small,
            }),
        );
    }
    Ok(Value::Object(shown))
}
