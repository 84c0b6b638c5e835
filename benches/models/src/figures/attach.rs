//! A lease of another process that begins anew, in turns of all sizes, with and without comparing the bytes.
//!
//! `first` is a process's first lease, which has to make itself known to shared memory. `held` is one that it has already.
//! `compare` is the comparison alone, of bytes that are mapped; what it takes within a lease has the page faults in it.

use serde_json::{Map, Value, json};
use zenoh_pinned_measuring::sample::Sample;

use super::Served;
use crate::{Bench, Outcome, attacher::Attacher, model_file::ModelFile, plan::in_words};

/// Processes whose first lease is timed.
const FIRST: usize = 9;
/// Leases of a kind in a turn; fewer where that would compare more bytes.
const IN_A_TURN: u64 = 20;
const COMPARED_IN_A_TURN: u64 = 256 << 20;

pub fn measure(bench: &Bench) -> Outcome<Value> {
    let served = Served::new("attach", 256 << 20)?;
    let sizes = [
        ("small", bench.plan.small),
        ("middle", bench.plan.middle),
        ("large", bench.plan.large),
    ];
    for (model, bytes) in sizes {
        let file = ModelFile::even(&bench.folder.join(format!("{model}.safetensors")), bytes)?;
        served.load(model, &file.path)?;
        std::fs::remove_file(&file.path)?;
    }
    let server = served.name.as_str();
    let mut rows = sizes.map(|_| <[Sample; 3]>::default());
    let mut attacher = Attacher::start()?;
    for _ in 0..bench.plan.turns {
        for ((model, bytes), row) in sizes.iter().zip(&mut rows) {
            let times = (COMPARED_IN_A_TURN / bytes).clamp(1, IN_A_TURN) as usize;
            let [compared, not_compared, compare] = row;
            compared.extend(attacher.anew(server, model, true, times)?);
            not_compared.extend(attacher.anew(server, model, false, IN_A_TURN as usize)?);
            compare.extend(attacher.compare(server, model, times)?);
        }
    }
    let mut held = attacher.held(server, "small", bench.plan.calls)?;
    attacher.end()?;
    let mut first = Sample::default();
    for _ in 0..FIRST.min(bench.plan.turns) {
        let mut attacher = Attacher::start()?;
        first.extend(attacher.anew(server, "small", true, 1)?);
        attacher.end()?;
    }
    let mut shown = Map::new();
    for ((model, bytes), [mut compared, mut not_compared, mut compare]) in
        sizes.into_iter().zip(rows)
    {
        let per_second = |sample: &mut Sample| bytes as f64 / sample.quantile(0.5) / 1e3;
        let (within, alone) = (per_second(&mut compared), per_second(&mut compare));
        row(&format!("{}, compared", in_words(bytes)), &mut compared);
        row(
            &format!("{}, not compared", in_words(bytes)),
            &mut not_compared,
        );
        println!(
            "{:44}{within:10.2} GB/s within a lease, {alone:.2} alone",
            format!("{}, comparison", in_words(bytes))
        );
        shown.insert(
            model.to_owned(),
            json!({
                "bytes": bytes,
                "compared": compared.summary(),
                "not_compared": not_compared.summary(),
                "compare_alone": compare.summary(),
                "gigabytes_per_second": { "within_a_lease": within, "alone": alone },
            }),
        );
    }
    row("the first of a process, compared", &mut first);
    row("one that it has already", &mut held);
    shown.insert("first".to_owned(), first.summary());
    shown.insert("held".to_owned(), held.summary());
    Ok(Value::Object(shown))
}

fn row(what: &str, sample: &mut Sample) {
    println!(
        "{what:44}{:10.2} us p50{:10.2} us p99",
        sample.quantile(0.5),
        sample.quantile(0.99)
    );
}
