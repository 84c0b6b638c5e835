//! The peers' arms, which are programs in Python.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::Outcome;

/// Figures that peers have as well.
const FIGURES: [&str; 4] = ["frames", "small", "batching", "kill"];

pub fn measure(python: &Path) -> Outcome<Value> {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/run.py");
    let out = std::env::temp_dir().join(format!("workers-peers-{}.json", std::process::id()));
    let mut command = Command::new(python);
    command.arg(run).args(FIGURES).arg("--python").arg(python);
    // What has not come within ten seconds is said to come never.
    command.args(["--bound", "10", "--out"]).arg(&out);
    command.stdout(Stdio::null());
    if !command.status()?.success() {
        return Err("the peers' arms have failed; see above".into());
    }
    let written = std::fs::read_to_string(&out)?;
    std::fs::remove_file(&out)?;
    Ok(serde_json::from_str(&written)?)
}
