//! Every property holds over the corpus in `provider/fuzz/corpus`, and over seeded mutations of it; and no input makes a
//! parser take more memory than a few inputs' worth.
//!
//! `ZENOH_PINNED_FUZZ_SEED` and `ZENOH_PINNED_FUZZ_COUNT` change which and how many mutations are tried.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod allocation;
mod mutation;

use std::{
    collections::BTreeMap,
    fs,
    panic::{RefUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use mutation::{Random, mutated};
use zenoh_pinned_fuzz_properties::{TARGETS, Target};

#[global_allocator]
static ALLOCATOR: allocation::Remembering = allocation::Remembering;

/// What a parser may ask for at once, whatever an input of some kilobytes claims.
const MOST_BYTES: usize = 4 << 20;

/// Mutations tried of each target's corpus.
const COUNT: u64 = if cfg!(miri) { 100 } else { 20_000 };

fn folder_of(target: &Target) -> PathBuf {
    let corpus = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus"));
    corpus.join(target.name)
}

fn corpus_of(target: &Target) -> BTreeMap<String, Vec<u8>> {
    let folder = folder_of(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let files = entries.map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    });
    files.collect()
}

fn order(name: &str, otherwise: u64) -> u64 {
    let order = std::env::var(name).ok();
    order.map_or(otherwise, |order| order.parse().unwrap())
}

/// Checks an input, and says which it was where its property does not hold.
fn check(target: &Target, input: &[u8], origin: &str) {
    let checked: &(dyn Fn() + RefUnwindSafe) = &|| {
        let _ = allocation::take_largest();
        (target.check)(input);
        let largest = allocation::take_largest();
        assert!(largest <= MOST_BYTES, "{largest} bytes at once");
    };
    if catch_unwind(checked).is_err() {
        let kept = std::env::temp_dir().join(format!("zpin-{}-failing-input", target.name));
        fs::write(&kept, input).unwrap();
        panic!(
            "{}: {origin}; the input is in {}: keep it as provider/fuzz/corpus/{}/regression-<what it shows>",
            target.name,
            kept.display(),
            target.name,
        );
    }
}

#[test]
fn every_input_of_the_corpus_keeps_its_property() {
    for target in &TARGETS {
        for (name, input) in corpus_of(target) {
            check(target, &input, &name);
        }
    }
}

#[test]
fn seeded_mutations_of_the_corpus_keep_their_properties() {
    let seed = order("ZENOH_PINNED_FUZZ_SEED", 1);
    let count = order("ZENOH_PINNED_FUZZ_COUNT", COUNT);
    for target in &TARGETS {
        let inputs: Vec<_> = corpus_of(target).into_values().collect();
        let mut random = Random::seeded(seed);
        for number in 0..count {
            let input = mutated(&mut random, &inputs);
            check(target, &input, &format!("mutation {number} of seed {seed}"));
        }
    }
}

#[test]
fn the_corpus_holds_every_seed_and_every_folder_has_its_target() {
    let told = "run `make corpus`";
    for target in &TARGETS {
        let corpus = corpus_of(target);
        for (name, input) in (target.seeds)() {
            assert_eq!(
                corpus.get(&name),
                Some(&input),
                "{}/{name}: {told}",
                target.name
            );
        }
        let program = folder_of(target).join(format!("../../fuzz_targets/{}.rs", target.name));
        assert!(program.exists(), "{} has no fuzz target", target.name);
    }
    let folders = fs::read_dir(folder_of(&TARGETS[0]).join("..")).unwrap();
    assert_eq!(folders.count(), TARGETS.len());
}
