//! What a run leaves: the record, the raw samples, plots, and tables for documents.

mod aims;
mod axis;
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

use crate::{Outcome, copies::BySize, environment::Environment, registering::Registering};

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
    /// Records of before have none.
    #[serde(default)]
    pub curves: Vec<Curve>,
    pub copies: Option<BySize>,
    #[serde(default)]
    pub registering: Option<Registering>,
    pub left_out: Vec<LeftOut>,
}

impl Record {
    /// One in which nothing has been measured.
    pub fn new(environment: Environment) -> Self {
        Self {
            frame_bytes: crate::frame::FRAME_BYTES,
            slots: crate::workload::SLOTS,
            environment,
            summaries: Vec::new(),
            curves: Vec::new(),
            copies: None,
            registering: None,
            left_out: Vec::new(),
        }
    }

    pub fn read(path: &Path) -> Outcome<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Writes it into a folder, in one step: whoever reads it meanwhile finds the one before.
    pub fn save(&self, out: &Path) -> Outcome {
        let (partial, whole) = (out.join("record.json.partial"), out.join("record.json"));
        std::fs::write(&partial, serde_json::to_string_pretty(self)? + "\n")?;
        Ok(std::fs::rename(partial, whole)?)
    }

    /// Writes the tables and plots into a folder, and prints the tables.
    pub fn tabulate(&self, out: &Path) -> Outcome {
        println!("{}", self.write_tables_and_plots(out)?);
        eprintln!("written: {}", out.display());
        Ok(())
    }

    fn write_tables_and_plots(&self, out: &Path) -> Outcome<String> {
        plots::latencies(&out.join("latency.svg"), &self.curves)?;
        plots::scaling(&out.join("scaling.svg"), &self.summaries)?;
        if let Some(copies) = &self.copies {
            plots::by_size(&out.join("copies.svg"), copies)?;
        }
        let tables = tables::all(self);
        std::fs::write(out.join("tables.md"), &tables)?;
        Ok(tables)
    }
}

/// Writes the tables of a record into the places that documents have for them, and all tables and plots beside it.
/// With `only`, no places of other names.
pub fn write_tables(path: &Path, only: &[String], documents: &[PathBuf]) -> Outcome {
    let record = Record::read(path)?;
    record.write_tables_and_plots(path.parent().unwrap_or(Path::new(".")))?;
    for document in documents {
        let filled = documents::fill(document, &record, only)?;
        eprintln!("{}: {filled} places filled", document.display());
    }
    Ok(())
}
