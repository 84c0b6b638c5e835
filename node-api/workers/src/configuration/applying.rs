//! A configuration put to use: pools of workers as it says, and what shows them.

use std::net::{Ipv4Addr, SocketAddr};

use zenoh_pinned_observe::{Observer, ServeError, Serving, TraceError, Traces};

use super::Configuration;
use crate::{Workers, WorkersBuilder};

/// Why a configuration cannot be put to use here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// It says nothing of these workers.
    #[error("the configuration has no workers of the name {name:?}; it has {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those that it has.
        known: String,
    },
    /// It asks for chaos, which this program was built without.
    #[error(
        "enable_chaos_testing is true, and this program was built without it: build zenoh-pinned-workers with the feature chaos, or say false"
    )]
    NoChaos,
    /// An endpoint cannot be served at.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Traces cannot be sent.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

/// What shows the workers to others, until it is dropped; made by [`Configuration::monitor`].
#[derive(Debug)]
pub struct Monitoring {
    servings: Vec<Serving>,
    _traces: Option<Traces>,
}

impl Monitoring {
    /// Where it is served.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servings.iter().map(Serving::address).collect()
    }
}

impl Configuration {
    /// A pool as the configuration says, to which more can be said.
    ///
    /// # Errors
    /// [`ApplyError::Unknown`], [`ApplyError::NoChaos`].
    ///
    /// ```
    /// use zenoh_pinned_workers::Configuration;
    ///
    /// let configuration = Configuration::parse("workers: {ocr: {command: [python3, ocr.py], batch: 8}}")?;
    /// let builder = configuration.builder("ocr")?;
    /// # drop(builder);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder(&self, name: &str) -> Result<WorkersBuilder, ApplyError> {
        let Some(said) = self.workers.get(name) else {
            let known: Vec<_> = self.workers.keys().map(String::as_str).collect();
            return Err(ApplyError::Unknown {
                name: name.to_owned(),
                known: known.join(", "),
            });
        };
        let mut builder = Workers::builder(name).command(&said.command);
        let terms = &mut builder.terms;
        terms.scaling.least = said.least.unwrap_or(terms.scaling.least.min(said.most));
        terms.scaling.most = said.most;
        terms.batch = said.batch.unwrap_or(terms.batch);
        terms.delay = said.delay.unwrap_or(terms.delay);
        terms.queue = said.queue.unwrap_or(terms.queue);
        terms.credits = said.credits.unwrap_or(terms.credits);
        terms.grace = said.grace.unwrap_or(terms.grace);
        terms.processors.clone_from(&said.cpus);
        let environment = said.environment.iter();
        terms
            .environment
            .extend(environment.map(|(name, value)| (name.into(), value.into())));
        terms.numa = self.pool.enable_numa_aware;
        terms.huge_pages = self.pool.enable_huge_pages;
        terms.predictive = self.pool.enable_predictive_scaling;
        terms.memory_limit = self.pool.memory_limit_percent;
        if self.pool.enable_chaos_testing {
            if !cfg!(feature = "chaos") {
                return Err(ApplyError::NoChaos);
            }
            // One in a thousand: enough to be seen, little enough to go on.
            terms.chaos.worker_failure_rate = 0.001;
            terms.chaos.request_timeout_rate = 0.001;
        }
        Ok(builder)
    }

    /// Shows what there is to be seen of this host and of all workers on it, where the configuration says: metrics and the
    /// page, health, traces. The health port answers `/livez` and `/readyz`, and everything else as well.
    ///
    /// # Errors
    /// [`ApplyError::Serve`], [`ApplyError::Trace`].
    ///
    /// ```
    /// use zenoh_pinned_workers::Configuration;
    ///
    /// let configuration = Configuration::parse("monitoring: {prometheus_endpoint: '127.0.0.1:0'}")?;
    /// let monitoring = configuration.monitor()?;
    /// println!("metrics at http://{}/metrics", monitoring.addresses()[0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn monitor(&self) -> Result<Monitoring, ApplyError> {
        let said = &self.monitoring;
        let health = said
            .health_check_port
            .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let mut servings: Vec<Serving> = Vec::new();
        for address in said.prometheus_endpoint.into_iter().chain(health) {
            let is_served = servings.iter().any(|serving| serving.address() == address);
            if !is_served {
                let observer = Observer::builder().sources(zenoh_pinned_observe::host());
                servings.push(observer.address(address).serve()?);
            }
        }
        let traces = said.tracing_endpoint.as_ref().map(|endpoint| {
            let traces = Traces::builder()
                .endpoint(endpoint)
                .service("zenoh-pinned-workers");
            traces.install()
        });
        Ok(Monitoring {
            servings,
            _traces: traces.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_says_is_what_the_pool_is_and_the_rest_is_as_without_a_file() {
        let text = "pool: {memory_limit_percent: 0.6, enable_huge_pages: true}\n\
            workers: {ocr: {command: [a, b], batch: 8, delay: 5ms, least: 0, most: 3, cpus: '1-2', environment: {A: x}}}";
        let configuration = Configuration::parse(text).unwrap();
        let terms = configuration.builder("ocr").unwrap().terms;
        let without = Workers::builder("ocr").terms;
        assert_eq!(
            (terms.scaling.least, terms.scaling.most, terms.batch),
            (0, 3, 8)
        );
        assert_eq!(
            (terms.processors, terms.memory_limit, terms.huge_pages),
            (vec![1, 2], Some(0.6), true)
        );
        assert_eq!(
            (terms.queue, terms.credits, terms.grace),
            (without.queue, without.credits, without.grace)
        );
        assert_eq!(terms.environment.len(), 1);
    }

    #[test]
    fn a_name_that_it_does_not_have_is_refused_with_those_that_it_has() {
        let configuration = Configuration::parse("workers: {ocr: {command: [a]}}").unwrap();
        let error = configuration.builder("orc").unwrap_err();
        assert!(error.to_string().contains("it has ocr"), "{error}");
    }
}
