//! Why a configuration file is refused.

use std::{io, path::PathBuf};

/// Why a configuration cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("{} cannot be read ({cause}): does it exist, and may this user read it?", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It is no YAML, or a key stands twice in a mapping.
    #[error(
        "the file is no valid YAML ({detail}): mend it; mind the indentation, the quotes, and keys that stand twice"
    )]
    Yaml {
        /// What is wrong, and in which line.
        detail: String,
    },
    /// Nobody knows this key.
    #[error("the key {key} is unknown:{} known here are {}", did_you_mean(*.nearest), known.join(", "))]
    UnknownKey {
        /// With the sections around it, as in `workers.detector.bacth`.
        key: String,
        /// The known key that looks most like it, if any does.
        nearest: Option<&'static str>,
        /// All keys that can stand there.
        known: &'static [&'static str],
    },
    /// A key has to be there.
    #[error("{key} is missing: name it")]
    Missing {
        /// With the sections around it.
        key: String,
    },
    /// A value cannot be.
    #[error("{key} is {found}: {fault}")]
    Value {
        /// With the sections around it.
        key: String,
        /// What stands there.
        found: String,
        /// What is wrong with it.
        fault: ValueFault,
    },
    /// Workers cannot be called so.
    #[error(
        "workers cannot be called {name:?}: take 1 to 64 letters, digits, dots, dashes and underscores"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Fewer workers are allowed than there are to be at least.
    #[error(
        "workers.{name} has least: {least}, but there may be no more than {most}: lower it, or raise most"
    )]
    LeastAboveMost {
        /// Of the workers.
        name: String,
        /// As the file says.
        least: usize,
        /// As the file says, or as all workers may.
        most: usize,
    },
    /// More workers than any name may have.
    #[error(
        "workers.{name} has most: {most}, but pool.max_workers_per_model is {all}: lower the one, or raise the other"
    )]
    MostAboveAll {
        /// Of the workers.
        name: String,
        /// As the file says.
        most: usize,
        /// What any name may have.
        all: usize,
    },
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueFault {
    /// It is of another kind or form.
    #[error("write {0}")]
    Form(&'static str),
    /// It is too small or too large.
    #[error("possible are {least} to {most}")]
    Bounds {
        /// The smallest possible.
        least: String,
        /// The largest possible.
        most: String,
    },
    /// A share was written as a number of percent.
    #[error("it is a share, in spite of its name; write {share}")]
    Percent {
        /// What it would be as a share.
        share: f64,
    },
    /// A port at which traces cannot be taken.
    #[error("{} is not supported; write {instead} for OTLP over HTTP", protocol)]
    Collector {
        /// What is spoken at that port.
        protocol: &'static str,
        /// Where the same host takes traces, as a rule.
        instead: String,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!(" did you mean {nearest}?"))
}
