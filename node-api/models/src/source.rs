//! A registry as `zenoh-pinned-observe` shows it: metrics, state, readiness.

use std::sync::Arc;

use serde_json::json;
use zenoh_pinned_observe::{Families, Figures, LookError, Source};

use crate::{
    client::Models,
    registry::{ModelState, Registry, RegistryStatistics, bytes_by_state},
};

impl Registry {
    /// What this registry has and does, for an observer: `/metrics`, `/api/models`, `/readyz`.
    ///
    /// ```
    /// use zenoh_pinned_models::Registry;
    /// use zenoh_pinned_observe::Source;
    ///
    /// let registry = Registry::builder().build();
    /// let look = registry.figures().look()?;
    /// assert_eq!(look.state["loads"], 0);
    /// # Ok::<(), zenoh_pinned_observe::LookError>(())
    /// ```
    pub fn figures(&self) -> Arc<dyn Source> {
        Arc::new(OfRegistry(self.clone()))
    }
}

impl Models {
    /// What the server has and does, for an observer of another process: as [`Registry::figures`], with the place of the
    /// server, or without models where nobody serves.
    ///
    /// ```
    /// use zenoh_pinned_models::Models;
    /// use zenoh_pinned_observe::Source;
    ///
    /// let look = Models::builder().server("nobody").build().figures().look()?;
    /// assert!(look.state["server"].is_null());
    /// # Ok::<(), zenoh_pinned_observe::LookError>(())
    /// ```
    pub fn figures(&self) -> Arc<dyn Source> {
        Arc::new(OfServer(self.clone()))
    }
}

struct OfRegistry(Registry);

impl Source for OfRegistry {
    fn name(&self) -> &str {
        "models"
    }

    fn look(&self) -> Result<Figures, LookError> {
        Ok(shown(&self.0.statistics(), Some("this process")))
    }
}

struct OfServer(Models);

impl Source for OfServer {
    fn name(&self) -> &str {
        "models"
    }

    fn look(&self) -> Result<Figures, LookError> {
        match self.0.look() {
            Ok(Some(statistics)) => Ok(shown(&statistics, Some(&self.0.place()))),
            Ok(None) => Ok(shown(&RegistryStatistics::default(), None)),
            Err(cause) => Err(LookError::Unreadable {
                what: String::from("the server of models"),
                cause,
                remedy: String::from("see whether its process is stopped"),
            }),
        }
    }
}

fn shown(statistics: &RegistryStatistics, server: Option<&str>) -> Figures {
    let mut families = Families::default();
    let bytes = families.gauge(
        "zenoh_pinned_model_bytes",
        "Bytes of a model in shared memory.",
    );
    for ((model, state), sum) in bytes_by_state(&statistics.models) {
        bytes.add(&[("model", model), ("state", state)], sum as f64);
    }
    let leases = families.gauge(
        "zenoh_pinned_model_leases",
        "Leases on a model, by processes other than its registry's and by that.",
    );
    for model in &statistics.models {
        if model.state == ModelState::Ready {
            leases.add(&[("model", &model.model)], model.leases as f64);
        }
    }
    let counters = [
        (
            "zenoh_pinned_model_loads_total",
            "Loads of models that have succeeded.",
            statistics.loads,
        ),
        (
            "zenoh_pinned_model_load_failures_total",
            "Loads of models that have failed.",
            statistics.failures,
        ),
        (
            "zenoh_pinned_model_read_bytes_total",
            "Bytes that loads have read from files.",
            statistics.read_bytes,
        ),
        (
            "zenoh_pinned_model_leases_total",
            "Leases on models that have begun.",
            statistics.leases,
        ),
        (
            "zenoh_pinned_model_hits_total",
            "Leases that a process had already when it asked.",
            statistics.hits,
        ),
        (
            "zenoh_pinned_model_evictions_total",
            "Models that went for others.",
            statistics.evictions,
        ),
        (
            "zenoh_pinned_model_expired_total",
            "Models that went because nobody used them.",
            statistics.expired,
        ),
        (
            "zenoh_pinned_model_changed_total",
            "Models that somebody had written into.",
            statistics.changed,
        ),
    ];
    for (name, help, count) in counters {
        families.counter(name, help).add(&[], count as f64);
    }
    families
        .gauge(
            "zenoh_pinned_model_max_bytes",
            "Bytes that all models together may have.",
        )
        .add(&[], statistics.max_bytes as f64);
    let models = statistics.models.iter().map(|model| {
        json!({
            "model": model.model,
            "state": model.state.name(),
            "bytes": model.bytes,
            "read_bytes": model.read_bytes,
            "leases": model.leases,
            "sessions": model.sessions,
            "idle_seconds": model.idle.as_secs_f64(),
            "source": model.source.as_ref().map(|path| path.display().to_string()),
        })
    });
    let state = json!({
        "server": server,
        "models": models.collect::<Vec<_>>(),
        "known": statistics.known,
        "max_bytes": statistics.max_bytes,
        "loads": statistics.loads,
        "failures": statistics.failures,
        "read_bytes": statistics.read_bytes,
        "leases": statistics.leases,
        "hits": statistics.hits,
        "evictions": statistics.evictions,
        "expired": statistics.expired,
        "changed": statistics.changed,
    });
    Figures::new(state).with(families)
}
