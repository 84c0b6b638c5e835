//! Which models are offered: a folder of models, or what an application says.
//!
//! ```text
//! models/
//!   ocr/
//!     model.onnx          the only file of a format that is read, or the one that model.json names
//!     model.json          optional
//!   voice/
//!     model.safetensors
//! ```

use std::{
    fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use crate::{control::Port, inference::Datatype};

const DESCRIPTION: &str = "model.json";
const INDEX: &str = "model.safetensors.index.json";

/// A model, and who answers for it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Offered {
    /// Its name.
    pub name: String,
    /// Its file.
    pub source: PathBuf,
    /// The workers that answer for it; without them it can be attached, but not asked.
    pub worker: Option<WorkerCommand>,
    /// What it takes; where nothing is said, what its file says.
    pub inputs: Vec<Port>,
    /// What it gives.
    pub outputs: Vec<Port>,
}

/// The workers of a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorkerCommand {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How many there are, at least and at most.
    pub workers: RangeInclusive<usize>,
    /// Requests in a batch at most.
    pub batch: usize,
    /// How long the first of a batch waits for others.
    pub delay: Duration,
    /// Requests that may be accepted and not answered.
    pub queue: usize,
    /// How long a worker may take to be ready.
    pub load_within: Duration,
}

/// Why a folder is no repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// It cannot be looked at.
    #[error("the repository {path} cannot be read: {cause}")]
    Read {
        /// The folder.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A model's description makes no sense.
    #[error("{path} is not understood: {cause}")]
    Description {
        /// The file.
        path: String,
        /// What is wrong, and where.
        cause: String,
    },
    /// It is not clear which file is the model.
    #[error(
        "{path} has {count} files that could be the model: name one as \"file\" in its model.json"
    )]
    Files {
        /// The model's folder.
        path: String,
        /// How many there are.
        count: usize,
    },
}

impl Offered {
    /// A model without workers.
    pub fn new(name: impl Into<String>, source: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            source: source.into(),
            worker: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// The same with workers: a program that serves `zenoh_pinned_workers::Worker`, or in Python `zenoh_pinned.models.serve`.
    #[must_use]
    pub fn worker<T: Into<String>>(
        mut self,
        command: impl IntoIterator<Item = T>,
        workers: RangeInclusive<usize>,
    ) -> Self {
        self.worker = Some(WorkerCommand {
            command: command.into_iter().map(Into::into).collect(),
            workers,
            batch: 1,
            delay: Duration::ZERO,
            queue: 1024,
            load_within: Duration::from_secs(60),
        });
        self
    }
}

/// `model.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Described {
    file: Option<PathBuf>,
    worker: Option<DescribedWorker>,
    inputs: Vec<DescribedPort>,
    outputs: Vec<DescribedPort>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedWorker {
    command: Vec<String>,
    #[serde(default = "one")]
    least: usize,
    #[serde(default = "one")]
    most: usize,
    #[serde(default = "one")]
    batch: usize,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default = "queue")]
    queue: usize,
    #[serde(default = "minute")]
    load_within_s: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedPort {
    name: String,
    datatype: String,
    shape: Vec<i64>,
}

fn one() -> usize {
    1
}

fn queue() -> usize {
    1024
}

fn minute() -> u64 {
    60
}

/// The models of a folder: each of its folders is one, by its name. Those that begin with a dot are left out.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("zpin-doc-repository-{}", std::process::id()));
/// # std::fs::create_dir_all(folder.join("ocr"))?;
/// # std::fs::write(folder.join("ocr/model.onnx"), "")?;
/// # std::fs::write(folder.join("ocr/model.json"), r#"{"worker": {"command": ["python3", "ocr.py"], "most": 4}}"#)?;
/// let models = zenoh_pinned_models::offering::repository(&folder)?;
/// assert_eq!(models[0].name, "ocr");
/// assert_eq!(models[0].worker.as_ref().map(|worker| worker.workers.clone()), Some(1..=4));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`RepositoryError`].
pub fn repository(folder: &Path) -> Result<Vec<Offered>, RepositoryError> {
    let read = |path: &Path, cause| RepositoryError::Read {
        path: path.display().to_string(),
        cause,
    };
    let entries = fs::read_dir(folder).map_err(|cause| read(folder, cause))?;
    let mut models = Vec::new();
    for entry in entries {
        let path = entry.map_err(|cause| read(folder, cause))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|name| !name.starts_with('.') && path.is_dir()) else {
            continue;
        };
        models.push(offered(name, &path)?);
    }
    models.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(models)
}

fn offered(name: &str, folder: &Path) -> Result<Offered, RepositoryError> {
    let path = folder.join(DESCRIPTION);
    let wrong = |cause: String| RepositoryError::Description {
        path: path.display().to_string(),
        cause,
    };
    let described = match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Described::default(),
        Err(cause) => {
            return Err(RepositoryError::Read {
                path: path.display().to_string(),
                cause,
            });
        }
    };
    let source = match &described.file {
        Some(file) => folder.join(file),
        None => only_file(folder)?,
    };
    let mut offered = Offered::new(name, std::path::absolute(&source).unwrap_or(source));
    offered.inputs = ports(described.inputs).map_err(wrong)?;
    offered.outputs = ports(described.outputs).map_err(wrong)?;
    if let Some(worker) = described.worker {
        if worker.command.is_empty() || worker.least > worker.most || worker.batch == 0 {
            return Err(wrong(String::from(
                "a worker has a command, at least as many workers as most, and batches of one or more",
            )));
        }
        offered.worker = Some(WorkerCommand {
            command: worker.command,
            workers: worker.least..=worker.most,
            batch: worker.batch,
            delay: Duration::from_millis(worker.delay_ms),
            queue: worker.queue,
            load_within: Duration::from_secs(worker.load_within_s),
        });
    }
    Ok(offered)
}

fn only_file(folder: &Path) -> Result<PathBuf, RepositoryError> {
    if folder.join(INDEX).is_file() {
        return Ok(folder.join(INDEX));
    }
    let entries = fs::read_dir(folder).map_err(|cause| RepositoryError::Read {
        path: folder.display().to_string(),
        cause,
    })?;
    let is_model = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("onnx" | "safetensors"))
    };
    let files = entries.flatten().map(|entry| entry.path()).filter(is_model);
    let mut files: Vec<_> = files.collect();
    match (files.pop(), files.is_empty()) {
        (Some(file), true) => Ok(file),
        (last, _) => Err(RepositoryError::Files {
            path: folder.display().to_string(),
            count: files.len() + usize::from(last.is_some()),
        }),
    }
}

fn ports(ports: Vec<DescribedPort>) -> Result<Vec<Port>, String> {
    let port = |port: DescribedPort| {
        let datatype = Datatype::of_name(&port.datatype);
        Ok(Port {
            datatype: datatype.ok_or_else(|| {
                format!(
                    "{:?} is no datatype of the Open Inference Protocol, such as FP32",
                    port.datatype
                )
            })?,
            name: port.name,
            shape: port.shape,
        })
    };
    ports.into_iter().map(port).collect()
}
