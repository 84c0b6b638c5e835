//! A model that the process has a lease on already, single calls in turns.

use std::{
    collections::HashMap,
    hint::black_box,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde_json::{Value, json};
use zenoh_pinned_measuring::sample::Sample;
use zenoh_pinned_models::Registry;

use crate::{Bench, Outcome, model_file::ModelFile};

pub fn measure(bench: &Bench) -> Outcome<Value> {
    let file = ModelFile::even(&bench.folder.join("access.safetensors"), bench.plan.small)?;
    let registry = Registry::builder().build();
    let held = registry.load("weights", &file.path)?;
    // What a look into a table takes that gives the same: something that is shared, if it is from that file.
    let table = Mutex::new(HashMap::from([(
        String::from("weights"),
        (file.path.clone(), Arc::new(())),
    )]));
    let (mut load, mut look_up) = (Sample::default(), Sample::default());
    for _ in 0..bench.plan.turns {
        load.extend(timed(bench.plan.calls, || {
            Ok(registry.load("weights", &file.path)?)
        })?);
        look_up.extend(timed(bench.plan.calls, || {
            look_up_in(&table, &file.path).ok_or_else(|| "it is not in the table".into())
        })?);
    }
    drop(held);
    std::fs::remove_file(&file.path)?;
    for (what, sample) in [("Registry::load", &mut load), ("a table", &mut look_up)] {
        println!(
            "{what:44}{:10.3} us p50{:10.3} us p99",
            sample.quantile(0.5),
            sample.quantile(0.99)
        );
    }
    Ok(json!({ "load": load.summary(), "look_up": look_up.summary() }))
}

type Table = Mutex<HashMap<String, (PathBuf, Arc<()>)>>;

fn look_up_in(table: &Table, path: &PathBuf) -> Option<Arc<()>> {
    let table = table.lock().unwrap_or_else(PoisonError::into_inner);
    let (source, held) = table.get(black_box("weights"))?;
    (source == path).then(|| held.clone())
}

fn timed<T>(calls: usize, mut call: impl FnMut() -> Outcome<T>) -> Outcome<Sample> {
    let mut sample = Sample::default();
    for _ in 0..calls {
        let begun = Instant::now();
        let given = black_box(call()?);
        sample.push(begun.elapsed());
        drop(given);
    }
    Ok(sample)
}
