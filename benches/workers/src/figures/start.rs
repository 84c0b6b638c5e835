//! From nothing to eight workers that are ready.

use std::time::Instant;

use serde_json::{Value, json};
use zenoh_pinned_measuring::sample::Sample;

use super::{SOON, alone};
use crate::{Outcome, engines};

const ROUNDS: usize = 7;

pub fn measure() -> Outcome<Value> {
    let session = alone()?;
    let mut sample = Sample::default();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let workers = engines::pool("nothing")?.range(8..=8).build(&session)?;
        if !workers.wait_until_ready(8, SOON) {
            return Err("eight workers did not become ready".into());
        }
        sample.push(begun.elapsed());
    }
    Ok(json!({ "eight_ready": sample.summary() }))
}
