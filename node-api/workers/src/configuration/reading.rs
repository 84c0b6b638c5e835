//! The sections of the file: their keys, each with the bounds of its value.

use std::time::Duration;

use super::{
    ConfigurationError, MonitoringConfiguration, PoolConfiguration, WorkerConfiguration,
    section::Section, values,
};

/// Of one name.
const MOST_WORKERS: usize = 256;
/// Requests of one batch.
const MOST_BATCH: usize = 100;
/// Requests that wait.
const MOST_QUEUE: usize = 1_000_000;
/// Batches that one worker has.
const MOST_CREDITS: usize = 8;
const MOST_DELAY: Duration = Duration::from_secs(10);
const MOST_GRACE: Duration = Duration::from_secs(600);

impl PoolConfiguration {
    pub(super) fn of(section: Section) -> Result<Self, ConfigurationError> {
        let mut section = section.with_only(&[
            "memory_limit_percent",
            "max_workers_per_model",
            "enable_huge_pages",
            "enable_numa_aware",
            "enable_predictive_scaling",
            "enable_chaos_testing",
        ])?;
        let default = Self::default();
        let memory_limit_percent = section.read("memory_limit_percent", values::share)?;
        let max_workers_per_model =
            section.read("max_workers_per_model", values::whole(1, MOST_WORKERS))?;
        let mut flag = |key, otherwise| {
            let flag = section.read(key, values::flag)?;
            Ok(flag.unwrap_or(otherwise))
        };
        Ok(Self {
            memory_limit_percent,
            max_workers_per_model: max_workers_per_model.unwrap_or(default.max_workers_per_model),
            enable_huge_pages: flag("enable_huge_pages", default.enable_huge_pages)?,
            enable_numa_aware: flag("enable_numa_aware", default.enable_numa_aware)?,
            enable_predictive_scaling: flag(
                "enable_predictive_scaling",
                default.enable_predictive_scaling,
            )?,
            enable_chaos_testing: flag("enable_chaos_testing", default.enable_chaos_testing)?,
        })
    }
}

impl MonitoringConfiguration {
    pub(super) fn of(section: Section) -> Result<Self, ConfigurationError> {
        let mut section = section.with_only(&[
            "prometheus_endpoint",
            "tracing_endpoint",
            "health_check_port",
        ])?;
        Ok(Self {
            prometheus_endpoint: section.read("prometheus_endpoint", values::address)?,
            tracing_endpoint: section.read("tracing_endpoint", values::collector)?,
            health_check_port: section.read("health_check_port", values::port)?,
        })
    }
}

impl WorkerConfiguration {
    pub(super) fn of(
        name: &str,
        section: Section,
        pool: &PoolConfiguration,
    ) -> Result<Self, ConfigurationError> {
        let mut section = section.with_only(&[
            "command",
            "batch",
            "delay",
            "least",
            "most",
            "queue",
            "credits",
            "grace",
            "cpus",
            "environment",
        ])?;
        let command = section.read("command", values::command)?;
        let missing = || ConfigurationError::Missing {
            key: section.key("command"),
        };
        let worker = Self {
            command: command.ok_or_else(missing)?,
            batch: section.read("batch", values::whole(1, MOST_BATCH))?,
            delay: section.read("delay", values::time(MOST_DELAY))?,
            least: section.read("least", values::whole(0, MOST_WORKERS))?,
            most: section
                .read("most", values::whole(1, MOST_WORKERS))?
                .unwrap_or(pool.max_workers_per_model),
            queue: section.read("queue", values::whole(1, MOST_QUEUE))?,
            credits: section.read("credits", values::whole(1, MOST_CREDITS))?,
            grace: section.read("grace", values::time(MOST_GRACE))?,
            cpus: section
                .read("cpus", values::processors)?
                .unwrap_or_default(),
            environment: section
                .read("environment", values::environment)?
                .unwrap_or_default(),
        };
        let (most, all) = (worker.most, pool.max_workers_per_model);
        if most > all {
            return Err(ConfigurationError::MostAboveAll {
                name: name.to_owned(),
                most,
                all,
            });
        }
        match worker.least {
            Some(least) if least > most => Err(ConfigurationError::LeastAboveMost {
                name: name.to_owned(),
                least,
                most,
            }),
            _ => Ok(worker),
        }
    }
}
