//! Criterion's results: `benchmark.json` and `estimates.json` in the folder `new` of each benchmark.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::Value;

use crate::Error;

/// One benchmark.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) group: String,
    pub(crate) arm: String,
    /// For instance a number of bytes; empty where there is none.
    pub(crate) parameter: String,
    /// Bytes that one iteration handles.
    pub(crate) bytes: Option<f64>,
    pub(crate) median: Estimate,
    /// Benchmarks are printed in the order in which they were measured.
    at: SystemTime,
}

/// A time in nanoseconds, and the bounds of its confidence interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

#[cfg(test)]
impl Measured {
    pub(crate) fn with_median(group: &str, arm: &str, parameter: &str, nanoseconds: f64) -> Self {
        Self {
            group: group.to_owned(),
            arm: arm.to_owned(),
            parameter: parameter.to_owned(),
            bytes: None,
            median: Estimate {
                value: nanoseconds,
                lower: nanoseconds,
                upper: nanoseconds,
            },
            at: SystemTime::UNIX_EPOCH,
        }
    }
}

/// All benchmarks of a folder in the order in which they were measured; groups were measured one after the other.
pub(crate) fn read(folder: &Path) -> Result<Vec<Measured>, Error> {
    let mut found = Vec::new();
    for folder in result_folders(folder)? {
        found.push(read_one(&folder).map_err(|error| format!("{}: {error}", folder.display()))?);
    }
    found.sort_by_key(|measured| measured.at);
    Ok(found)
}

/// The folders `new` at any depth.
fn result_folders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        if entry.file_name() == "new" && entry.path().join("benchmark.json").exists() {
            found.push(entry.path());
        } else {
            found.append(&mut result_folders(&entry.path())?);
        }
    }
    Ok(found)
}

fn read_one(folder: &Path) -> Result<Measured, Error> {
    let estimates = folder.join("estimates.json");
    let at = fs::metadata(&estimates)?.modified()?;
    let benchmark: Value = serde_json::from_reader(File::open(folder.join("benchmark.json"))?)?;
    let estimates: Value = serde_json::from_reader(File::open(estimates)?)?;
    let text = |name: &str| benchmark[name].as_str().unwrap_or_default().to_owned();
    let median = &estimates["median"];
    let interval = &median["confidence_interval"];
    let number = |value: &Value| value.as_f64().ok_or("a number is missing");
    Ok(Measured {
        group: text("group_id"),
        arm: text("function_id"),
        parameter: text("value_str"),
        bytes: benchmark["throughput"]["Bytes"].as_f64(),
        median: Estimate {
            value: number(&median["point_estimate"])?,
            lower: number(&interval["lower_bound"])?,
            upper: number(&interval["upper_bound"])?,
        },
        at,
    })
}
