//! What a run says of itself: while it goes on, on a terminal, and at its end, as a table or as JSON.

mod progress;
mod table;

use serde::Serialize;

pub use progress::{ProgressLine, line};
pub use table::table;

use crate::{
    pipeline::PipelineFigures,
    store::{Finished, StoreError},
};

/// A run that has ended.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What it did.
    #[serde(flatten)]
    pub figures: PipelineFigures,
    /// Whether somebody has asked it to end early.
    pub interrupted: bool,
    /// What is on disk; `None` where that cannot be said.
    pub finished: Option<Finished>,
    /// What went wrong, one sentence each.
    pub problems: Vec<String>,
}

impl Report {
    /// Of a run that has ended so.
    pub fn new(
        figures: PipelineFigures,
        finished: Result<Finished, StoreError>,
        interrupted: bool,
    ) -> Self {
        let mut problems: Vec<String> = figures.why.clone().into_iter().collect();
        if figures.matrices.failed > 0 {
            let failed = figures.matrices.failed;
            problems.push(format!("{failed} matrices were left out: see --json, the dashboard's log, or RUST_LOG=warn."));
        }
        let finished = match finished {
            Ok(finished) => {
                let is_short =
                    !interrupted && figures.why.is_none() && figures.matrices.failed == 0;
                if is_short && !finished.missing.is_empty() {
                    let missing = &finished.missing;
                    problems.push(format!("Matrices that were stored are missing: {missing}. Did somebody else write to the folder?"));
                }
                Some(finished)
            }
            Err(error) => {
                problems.push(error.to_string());
                None
            }
        };
        Self {
            figures,
            interrupted,
            finished,
            problems,
        }
    }
}
