//! The configuration file of a supervisor.
//!
//! Holds: what a file says, read and checked, and its use (`applying`).
//!
//! ```yaml
//! pool:
//!   memory_limit_percent: 0.75
//!   max_workers_per_model: 4
//!   enable_huge_pages: true
//!   enable_numa_aware: true
//!   enable_predictive_scaling: true
//!   enable_chaos_testing: false
//! monitoring:
//!   prometheus_endpoint: ":9090"            # of this machine only: 127.0.0.1:9090
//!   tracing_endpoint: "http://jaeger:4318"  # OTLP over HTTP
//!   health_check_port: 8080
//! workers:
//!   detector:
//!     command: [python3, detector.py]
//!     batch: 8
//!     delay: 5ms
//!     cpus: "0-3"
//! ```
//!
//! Invariants: what is read is within its bounds; a key that nobody knows, or that stands there twice, is an error, so no
//! slip of the pen is passed over in silence.
//!
//! Knowingly weak: an error in a value names its key, not its line. Only faults of the YAML itself have a line.

mod applying;
mod error;
mod reading;
mod section;
#[cfg(test)]
mod tests;
mod values;

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path, time::Duration};

use yaml_serde::Value;

pub use applying::{ApplyError, Monitoring};
pub use error::{ConfigurationError, ValueFault};
use section::Section;

use crate::protocol::may_be_a_name;

/// What a configuration file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// What holds for the workers of every name.
    pub pool: PoolConfiguration,
    /// Where the supervisor can be looked at.
    pub monitoring: MonitoringConfiguration,
    /// The workers by name.
    pub workers: BTreeMap<String, WorkerConfiguration>,
}

/// The section `pool`: what holds for the workers of every name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolConfiguration {
    /// The share of the machine's memory, from above 0 to 1, that shared memory may take before no worker is started any
    /// more. In spite of its name it is no number of percent. `None` is as without a file.
    pub memory_limit_percent: Option<f64>,
    /// The most workers of one name, 1 to 256.
    pub max_workers_per_model: usize,
    /// Whether workers ask for huge pages.
    pub enable_huge_pages: bool,
    /// Whether a worker runs on the processors, and uses the memory, of one NUMA node.
    pub enable_numa_aware: bool,
    /// Whether workers are started for requests that are predicted, and not only for those that wait.
    pub enable_predictive_scaling: bool,
    /// Whether failures may be caused on purpose.
    pub enable_chaos_testing: bool,
}

impl Default for PoolConfiguration {
    /// Four workers of a name, predictive scaling, and nothing else: as without a file.
    fn default() -> Self {
        Self {
            memory_limit_percent: None,
            max_workers_per_model: 4,
            enable_huge_pages: false,
            enable_numa_aware: false,
            enable_predictive_scaling: true,
            enable_chaos_testing: false,
        }
    }
}

/// The section `monitoring`: where the supervisor can be looked at. What the file does not name, is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MonitoringConfiguration {
    /// Where metrics are served. `":9090"` in the file is 127.0.0.1:9090: for programs on this machine only. For others,
    /// write the address to listen at, or `0.0.0.0:9090` for every one; whoever can connect sees everything.
    pub prometheus_endpoint: Option<SocketAddr>,
    /// The collector that traces go to, by OTLP over HTTP: `http://host:port`. `host:port` in the file is taken for it.
    pub tracing_endpoint: Option<String>,
    /// The port, from 1, of health checks, at 127.0.0.1.
    pub health_check_port: Option<u16>,
}

/// One entry of the section `workers`. What the file does not name is `None`, and then as it is without a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerConfiguration {
    /// The program and its arguments; not empty.
    pub command: Vec<String>,
    /// The most requests of one batch, 1 to 100.
    pub batch: Option<usize>,
    /// How long a request waits for others to fill its batch, up to 10 s.
    pub delay: Option<Duration>,
    /// The fewest workers, 0 to 256; no more than `most`.
    pub least: Option<usize>,
    /// The most workers, 1 to 256, and no more than `max_workers_per_model`; as many as that where the file does not name it.
    pub most: usize,
    /// The most requests that wait, 1 to 1,000,000.
    pub queue: Option<usize>,
    /// The most batches that one worker has at a time, 1 to 8.
    pub credits: Option<usize>,
    /// How long a worker that is asked to end may take, up to 10 min.
    pub grace: Option<Duration>,
    /// The processors that workers run on, by number, rising; empty for any.
    pub cpus: Vec<usize>,
    /// Variables that workers have besides those of the supervisor.
    pub environment: BTreeMap<String, String>,
}

impl Configuration {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or as [`parse`](Self::parse).
    ///
    /// ```no_run
    /// use zenoh_pinned_workers::Configuration;
    ///
    /// let configuration = Configuration::read("workers.yaml")?;
    /// # Ok::<(), zenoh_pinned_workers::ConfigurationError>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ConfigurationError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|cause| ConfigurationError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        Self::parse(&text)
    }

    /// Reads the text of a file. An empty one says nothing, so everything is as by default.
    ///
    /// # Errors
    /// It is no YAML; a key is unknown or missing; a value is of the wrong kind or form, or out of its bounds; or two values
    /// contradict each other.
    ///
    /// ```
    /// use zenoh_pinned_workers::Configuration;
    ///
    /// let configuration = Configuration::parse("
    /// monitoring:
    ///   prometheus_endpoint: :9090
    /// workers:
    ///   detector:
    ///     command: [python3, detector.py]
    ///     delay: 5ms
    /// ")?;
    /// assert!(configuration.monitoring.prometheus_endpoint.unwrap().ip().is_loopback());
    ///
    /// let slip = Configuration::parse("pool: {max_worker_per_model: 4}").unwrap_err();
    /// assert!(slip.to_string().contains("did you mean max_workers_per_model?"));
    /// # Ok::<(), zenoh_pinned_workers::ConfigurationError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, ConfigurationError> {
        let yaml = |error: yaml_serde::Error| ConfigurationError::Yaml {
            detail: error.to_string(),
        };
        let value: Value = yaml_serde::from_str(text).map_err(yaml)?;
        let mut file = Section::of("", value)?.with_only(&["pool", "monitoring", "workers"])?;
        let pool = PoolConfiguration::of(file.section("pool")?)?;
        let monitoring = MonitoringConfiguration::of(file.section("monitoring")?)?;
        let mut workers = BTreeMap::new();
        for (name, section) in file.section("workers")?.sections()? {
            if !may_be_a_name(&name) {
                return Err(ConfigurationError::Name { name });
            }
            let worker = WorkerConfiguration::of(&name, section, &pool)?;
            workers.insert(name, worker);
        }
        Ok(Self {
            pool,
            monitoring,
            workers,
        })
    }
}
