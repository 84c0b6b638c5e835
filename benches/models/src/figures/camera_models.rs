//! The example of that name, as it comes: how many frames are answered, and what share of the workers' time is not the model's.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{Bench, Outcome};

pub fn measure(bench: &Bench) -> Outcome<Value> {
    let figures = match run(bench)? {
        Ok(figures) => figures,
        Err(why) => json!({ "skipped": why }),
    };
    println!("{:16}{figures}", "camera-models");
    Ok(figures)
}

/// The figures, or why there are none.
fn run(bench: &Bench) -> Outcome<Result<Value, &'static str>> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/camera-models");
    if bench.plan.is_trial() {
        return Ok(Err("a trial has no models"));
    }
    if !example.join("run.py").exists() {
        return Ok(Err("examples/camera-models is not there"));
    }
    let mut needed = Command::new(&bench.python);
    needed
        .args(["-c", "import onnxruntime"])
        .stderr(Stdio::null());
    if !needed.status()?.success() {
        return Ok(Err("onnxruntime is not installed"));
    }
    let mut program = Command::new(&bench.python);
    program.arg(example.join("run.py")).arg("--json");
    let ran = program.stderr(Stdio::inherit()).output()?;
    if !ran.status.success() {
        return Err("examples/camera-models failed; see above".into());
    }
    Ok(Ok(shown(serde_json::from_slice(&ran.stdout)?)))
}

/// What is asked of it, before all that it says. Where it does not say something there is none.
fn shown(said: Value) -> Value {
    let number = |path| {
        said.pointer(path)
            .and_then(Value::as_f64)
            .unwrap_or(f64::NAN)
    };
    let (inside, beside) = (number("/mean/in_model"), number("/mean/beside_model"));
    json!({
        "answered_per_second": number("/per_second"),
        "outside_model_share": beside / (inside + beside),
        "said": said,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_the_time_that_a_worker_has_a_frame() {
        let said = json!({ "per_second": 30.0, "mean": { "in_model": 19.0, "beside_model": 1.0 } });
        let shown = shown(said);
        assert_eq!(shown["outside_model_share"], 0.05);
        assert_eq!(shown["answered_per_second"], 30.0);
        assert!(super::shown(json!({}))["outside_model_share"].is_null());
    }
}
