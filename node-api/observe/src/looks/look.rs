//! One look at all sources, written out once for everybody who asks: JSON, Prometheus' text, and what is not ready.
//!
//! Effect-free but for the sources' own reading and the clock. A source that fails, panics, is too large or takes
//! another one's names is an error in its own place and hides no other.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::body::Bytes;
use prometheus::{TextEncoder, proto::MetricFamily};
use serde_json::json;

use crate::{Families, Figures, LookError, Source};

/// The most series that a family may have; the rest is left out, and counted.
pub const SERIES: usize = 1_000;
/// The most bytes of a source's state as JSON.
pub const STATE_BYTES: usize = 1 << 20;

/// What a look at all sources gave.
#[derive(Debug)]
pub(crate) struct Look {
    /// When it began.
    pub(crate) began: Instant,
    /// All states, as `/api/stats` answers and `/ws` pushes them.
    pub(crate) stats: Bytes,
    /// What `/metrics` answers.
    pub(crate) metrics: Bytes,
    /// Each source's state as JSON, or `{"error": ".."}`.
    pub(crate) states: BTreeMap<String, Result<Bytes, Bytes>>,
    /// Why sources are not ready, by their names.
    pub(crate) not_ready: BTreeMap<String, String>,
}

/// What one source gave, written out.
struct Written {
    state: String,
    metrics: String,
    left_out: usize,
    not_ready: Option<String>,
}

impl Look {
    /// Looks at each source in turn; `at` is told which one it is at.
    pub(crate) fn at_all<'a>(
        sources: impl Iterator<Item = &'a dyn Source>,
        mut at: impl FnMut(usize),
    ) -> Self {
        let began = Instant::now();
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut stats = format!(
            r#"{{"at":{},"version":"{}""#,
            since_1970.unwrap_or_default().as_millis(),
            env!("CARGO_PKG_VERSION")
        );
        let mut metrics = String::new();
        let (mut states, mut not_ready) = (BTreeMap::new(), BTreeMap::new());
        let mut own = Families::default();
        let mut taken = BTreeSet::from([UP, SECONDS, LEFT_OUT].map(str::to_owned));
        for (index, source) in sources.enumerate() {
            at(index);
            let name = source.name().to_owned();
            let began = Instant::now();
            let written = guarded(source, &mut taken);
            tell(&mut own, &name, &written, began.elapsed());
            let (state, why) = match written {
                Ok(written) => {
                    metrics.push_str(&written.metrics);
                    (Ok(written.state), written.not_ready)
                }
                Err(error) => {
                    let why = error.to_string();
                    (Err(json!({ "error": why }).to_string()), Some(why))
                }
            };
            let (Ok(text) | Err(text)) = &state;
            // A source's name needs no escape; see `Observer`.
            stats.push_str(&format!(r#","{name}":{text}"#));
            not_ready.extend(why.map(|why| (name.clone(), why)));
            states.insert(name, state.map(Bytes::from).map_err(Bytes::from));
        }
        stats.push('}');
        let own: Vec<_> = own.into_iter().collect();
        // Fails only for a family without a name or a metric.
        let _ = TextEncoder.encode_utf8(&own, &mut metrics);
        Self {
            began,
            stats: stats.into(),
            metrics: metrics.into(),
            states,
            not_ready,
        }
    }
}

/// The source's own code and the encoder run in here: a panic of theirs is an error of that source.
fn guarded(source: &dyn Source, taken: &mut BTreeSet<String>) -> Result<Written, LookError> {
    let written = catch_unwind(AssertUnwindSafe(|| write(source.look()?, taken)));
    written.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().map(|words| (*words).into());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(LookError::Panicked {
            message: words.unwrap_or_else(|| "no words".into()),
        })
    })
}

fn write(figures: Figures, taken: &mut BTreeSet<String>) -> Result<Written, LookError> {
    let state = figures.state.to_string();
    if state.len() > STATE_BYTES {
        return Err(LookError::TooLarge {
            bytes: state.len(),
            limit_bytes: STATE_BYTES,
        });
    }
    let mut left_out = 0;
    let mut families = figures.families;
    families.retain(|family| !family.get_metric().is_empty());
    for family in &mut families {
        if !taken.insert(family.name().to_owned()) {
            let name = family.name().to_owned();
            return Err(LookError::NameTaken { name });
        }
        left_out += shorten(family);
    }
    let metrics = TextEncoder.encode_to_string(&families);
    Ok(Written {
        state,
        metrics: metrics.map_err(|error| LookError::Unwritable {
            cause: error.to_string(),
        })?,
        left_out,
        not_ready: figures.not_ready,
    })
}

/// How many series are left out of the family.
fn shorten(family: &mut MetricFamily) -> usize {
    let left_out = family.get_metric().len().saturating_sub(SERIES);
    if left_out > 0 {
        let mut metrics = family.take_metric();
        metrics.truncate(SERIES);
        family.set_metric(metrics);
    }
    left_out
}

/// What is told of the sources themselves.
const UP: &str = "zenoh_pinned_source_up";
const SECONDS: &str = "zenoh_pinned_source_look_seconds";
const LEFT_OUT: &str = "zenoh_pinned_source_left_out_series";

fn tell(own: &mut Families, source: &str, written: &Result<Written, LookError>, took: Duration) {
    let labels = [("source", source)];
    let up = "Whether the source could be looked at (1) or not (0); /readyz says why.";
    own.gauge(UP, up)
        .add(&labels, f64::from(u8::from(written.is_ok())));
    own.gauge(SECONDS, "How long the latest look at the source took.")
        .add(&labels, took.as_secs_f64());
    let left_out = written.as_ref().map_or(0, |written| written.left_out);
    own.gauge(
        LEFT_OUT,
        "Series left out of the latest look at the source, because a family had too many.",
    )
    .add(&labels, left_out as f64);
}
