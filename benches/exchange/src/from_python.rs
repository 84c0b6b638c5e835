//! The Python program beside this one, which times its own calls.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Outcome, samples::Summary};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/calls.py");
const CALLS: usize = 100_000;

pub fn measure(python: &str) -> Outcome<Vec<(String, Summary)>> {
    let region = format!("exchange-figures-{}", std::process::id());
    let run = Command::new(python)
        .args([SCRIPT, &region, &CALLS.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    if !run.status.success() {
        return Err(format!("{python} {SCRIPT}: {}", run.status).into());
    }
    let Value::Object(calls) = serde_json::from_slice(&run.stdout)? else {
        return Err("calls.py printed no object".into());
    };
    let summary = |call: &Value| {
        let number = |key: &str| call[key].as_f64().ok_or("calls.py printed no number");
        Outcome::Ok(Summary {
            p50: number("p50")?,
            p99: number("p99")?,
            samples: CALLS,
        })
    };
    let named = calls.iter().map(|(name, call)| {
        let name = name.trim_end_matches("_us");
        Ok((format!("{name}, Python, exchange"), summary(call)?))
    });
    named.collect()
}
