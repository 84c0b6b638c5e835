//! What has figures to show: the trait that every room implements to add its metrics, its state and its readiness.
//!
//! Stands on nothing but the types of `prometheus` and `serde_json`.

use prometheus::proto::MetricFamily;
use serde_json::Value;

/// Something that shows figures: the pools of a host, a supervisor's workers, a registry of models.
///
/// Whoever has implemented it calls `conformance::source` in a test (feature `conformance`).
/// All sources of an [`Observer`](crate::Observer) are looked at one after the other on one thread of its own, at most
/// once a second, and not at all while nobody looks.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
///
/// use serde_json::json;
/// use zenoh_pinned_observe::{Families, Figures, LookError, Source};
///
/// struct Workers {
///     answered: Arc<AtomicU64>,
/// }
///
/// impl Source for Workers {
///     fn name(&self) -> &str {
///         "workers" // its key in /api/stats, and /api/workers
///     }
///
///     fn look(&self) -> Result<Figures, LookError> {
///         let answered = self.answered.load(Ordering::Relaxed);
///         let mut families = Families::default();
///         families
///             .counter("zenoh_pinned_worker_requests_total", "Requests that workers have answered.")
///             .add(&[], answered as f64);
///         Ok(Figures::new(json!({ "answered": answered })).with(families))
///     }
/// }
///
/// let look = Workers { answered: Arc::default() }.look()?;
/// assert_eq!(look.state, json!({ "answered": 0 }));
/// # Ok::<(), LookError>(())
/// ```
pub trait Source: Send + Sync {
    /// Its key in `/api/stats`, and behind `/api/`: small letters, digits and `_`, from a letter on; the same for its life.
    fn name(&self) -> &str;

    /// Reads what there is to read, at once: it waits for no peer and holds no lock that what it watches could wait for.
    /// From any thread.
    ///
    /// # Errors
    /// What it watches cannot be read. The error is shown in the place of its figures, and hides no other source.
    fn look(&self) -> Result<Figures, LookError>;
}

/// What one look at a source gives.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Figures {
    /// For `/metrics`. Names begin with `zenoh_pinned_`; families without a metric are left out.
    pub families: Vec<MetricFamily>,
    /// For `/api/stats` and the page: an object or a list.
    pub state: Value,
    /// Why what it watches does not do its work, for `/readyz`; `None` where it does.
    pub not_ready: Option<String>,
}

impl Figures {
    /// A state without metrics yet; ready.
    pub fn new(state: Value) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }

    /// The same with these families: [`Families`](crate::Families), or what a registry of the crate `prometheus` gathers.
    #[must_use]
    pub fn with(mut self, families: impl IntoIterator<Item = MetricFamily>) -> Self {
        self.families.extend(families);
        self
    }

    /// The same, and not ready for this reason, which says what to do.
    #[must_use]
    pub fn not_ready(mut self, why: impl Into<String>) -> Self {
        self.not_ready = Some(why.into());
        self
    }
}

/// A source could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// What it watches cannot be read.
    #[error("{what} cannot be read ({cause}): {remedy}")]
    Unreadable {
        /// What was to be read.
        what: String,
        /// What failed.
        cause: String,
        /// What to do about it.
        remedy: String,
    },
    /// The source panicked: a fault of its own.
    #[error(
        "looking at it panicked ({message}): a fault of this source; report it with the log's lines around it"
    )]
    Panicked {
        /// The panic's words.
        message: String,
    },
    /// Its state is too large to be sent to everybody who looks once a second.
    #[error(
        "its state has {bytes} bytes, more than {limit_bytes}: it should sum up what it has so many of"
    )]
    TooLarge {
        /// Bytes of the state as JSON.
        bytes: usize,
        /// The most that there may be.
        limit_bytes: usize,
    },
    /// Another source has a family of metrics of this name already.
    #[error("another source has the metrics {name} already: rename one of the two")]
    NameTaken {
        /// The family's name.
        name: String,
    },
    /// Its metrics cannot be written.
    #[error("its metrics cannot be written ({cause}): check the source with conformance::source()")]
    Unwritable {
        /// What Prometheus' encoder said.
        cause: String,
    },
}
