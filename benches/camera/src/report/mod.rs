//! What a run leaves: the record, the raw samples, plots, and tables for documents.

mod aims;
mod documents;
mod plots;
mod samples;
mod summary;
mod tables;

use std::path::{Path, PathBuf};

pub use plots::Curve;
pub use samples::Samples;
use serde::{Deserialize, Serialize};
pub use summary::{Latency, Summary, median};

use crate::{Outcome, copies::BySize, environment::Environment};

/// Something that was not measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    pub what: String,
    pub why: String,
}

impl LeftOut {
    pub fn new(what: &str, why: &str) -> Self {
        Self {
            what: what.to_owned(),
            why: why.to_owned(),
        }
    }
}

/// Everything but the raw samples.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub frame_bytes: usize,
    pub slots: usize,
    pub environment: Environment,
    pub summaries: Vec<Summary>,
    pub copies: Option<BySize>,
    pub left_out: Vec<LeftOut>,
}

impl Record {
    pub fn new(
        environment: Environment,
        summaries: Vec<Summary>,
        copies: Option<BySize>,
        left_out: Vec<LeftOut>,
    ) -> Self {
        Self {
            frame_bytes: crate::frame::FRAME_BYTES,
            slots: crate::workload::SLOTS,
            environment,
            summaries,
            copies,
            left_out,
        }
    }
}

/// Writes the record, the plots and the tables into a folder, and prints the tables.
pub fn write(out: &Path, record: &Record, curves: &[Curve]) -> Outcome {
    std::fs::write(
        out.join("record.json"),
        serde_json::to_string_pretty(record)? + "\n",
    )?;
    plots::latencies(&out.join("latency.svg"), curves)?;
    println!("{}", write_what_follows(out, record)?);
    eprintln!("written: {}", out.display());
    Ok(())
}

/// Writes what follows from the record alone, and gives the tables.
fn write_what_follows(out: &Path, record: &Record) -> Outcome<String> {
    plots::scaling(&out.join("scaling.svg"), &record.summaries)?;
    if let Some(copies) = &record.copies {
        plots::by_size(&out.join("copies.svg"), copies)?;
    }
    let tables = tables::all(record);
    std::fs::write(out.join("tables.md"), &tables)?;
    Ok(tables)
}

/// Writes the tables of a record into the places that documents have for them, and all tables and the plots of its
/// summaries beside it.
pub fn write_tables(path: &Path, documents: &[PathBuf]) -> Outcome {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let record: Record = serde_json::from_str(&text)?;
    write_what_follows(path.parent().unwrap_or(Path::new(".")), &record)?;
    for document in documents {
        let filled = documents::fill(document, &record)?;
        eprintln!("{}: {filled} places filled", document.display());
    }
    Ok(())
}
