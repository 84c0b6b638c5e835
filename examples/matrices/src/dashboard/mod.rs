//! The dashboard: the run's figures as sources of `zenoh-pinned-observe`, beside those of the host, with cards of their own.
//!
//! | path | what |
//! |---|---|
//! | `/` | the page |
//! | `/api/stats` | everything |
//! | `/api/pipeline-stats`, `/api/process-stats`, `/api/task-stats` | the run as a whole, its processes, its tasks |
//! | `/api/log` | what has happened |
//! | `/ws` | everything, once a second |

use std::{net::SocketAddr, sync::Arc};

use serde_json::{Value, json};
use zenoh_pinned_observe::{
    Card, Families, Figures, LookError, Observer, ServeError, Serving, Source,
};

use crate::pipeline::{PipelineFigures, Running};

/// Events that everybody who looks is sent each second.
const EVENTS: usize = 150;

/// Serves the page of this run at `address`, until what this gives is dropped.
///
/// # Errors
/// The address cannot be listened at.
pub fn serve(running: &Running, address: SocketAddr) -> Result<Serving, ServeError> {
    let of = |name, look| -> Arc<dyn Source> {
        Arc::new(Of {
            running: running.clone(),
            name,
            look,
        })
    };
    Observer::builder()
        .title("matrices")
        .card(
            Card::new("pipeline", include_str!("pipeline.js")).style(include_str!("pipeline.css")),
        )
        .card(
            Card::new("processes", include_str!("processes.js"))
                .style(include_str!("processes.css")),
        )
        .card(Card::new("tasks", include_str!("tasks.js")).style(include_str!("tasks.css")))
        .card(Card::new("log", include_str!("log.js")).style(include_str!("log.css")))
        .source(of("pipeline_stats", pipeline))
        .source(of("process_stats", |running| {
            Figures::new(json!(running.processes()))
        }))
        .source(of("task_stats", |running| {
            Figures::new(json!(running.tasks()))
        }))
        .source(of("log", log))
        .sources(zenoh_pinned_observe::host())
        .address(address)
        .serve()
}

/// One of the run's sources.
struct Of {
    running: Running,
    name: &'static str,
    look: fn(&Running) -> Figures,
}

impl Source for Of {
    fn name(&self) -> &str {
        self.name
    }

    fn look(&self) -> Result<Figures, LookError> {
        Ok((self.look)(&self.running))
    }
}

fn pipeline(running: &Running) -> Figures {
    let figures = running.pipeline();
    let state: Value = json!(figures);
    let families = families(&figures);
    let shown = Figures::new(state).with(families);
    match figures.why {
        Some(why) => shown.not_ready(why),
        None => shown,
    }
}

fn log(running: &Running) -> Figures {
    let (events, left_out) = running.events(EVENTS);
    Figures::new(json!({ "events": events, "left_out": left_out }))
}

fn families(figures: &PipelineFigures) -> Families {
    let mut families = Families::default();
    let matrices = &figures.matrices;
    let help = "Matrices that have got so far.";
    let counted = families.counter("zenoh_pinned_matrices_total", help);
    for (task, count) in [
        ("produced", matrices.produced),
        ("compressed", matrices.compressed),
        ("stored", matrices.stored),
        ("failed", matrices.failed),
    ] {
        counted.add(&[("task", task)], count as f64);
    }
    let help = "Bytes of the matrices on disk, before they were compressed and there.";
    let bytes = families.counter("zenoh_pinned_matrices_bytes_total", help);
    bytes.add(&[("form", "raw")], figures.raw_bytes as f64);
    bytes.add(&[("form", "stored")], figures.stored_bytes as f64);
    let help = "Buffers in use.";
    let used = families.gauge("zenoh_pinned_matrices_buffers", help);
    used.add(&[], f64::from(figures.buffers.used));
    families
}
