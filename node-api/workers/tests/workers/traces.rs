//! What is told of a request, by each process on its way.

use std::sync::{Arc, Mutex};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, prelude::*};
use zenoh_pinned_workers::Payload;

use crate::{
    engines::serve,
    pools::{pool, session},
};

/// Name, trace, span and parent.
type Span = (String, u128, u64, u64);

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Span>>>);

#[derive(Default)]
struct Fields(Span);

impl Visit for Fields {
    fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "span_name" {
            self.0.0 = value.to_owned();
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        if field.name() == "trace" {
            self.0.1 = value;
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "span" => self.0.2 = value,
            "parent" => self.0.3 = value,
            _ => {}
        }
    }
}

impl<S: Subscriber> Layer<S> for Told {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if event.metadata().target() == "zenoh_pinned::frame" {
            let mut fields = Fields::default();
            event.record(&mut fields);
            let told = ["request", "queue", "serve"].contains(&&*fields.0.0);
            self.0.lock().unwrap().extend(told.then_some(fields.0));
        }
    }
}

fn listen() -> Told {
    let told = Told::default();
    tracing_subscriber::registry().with(told.clone()).init();
    told
}

/// Gives what was told of the batches before.
#[test]
#[ignore = "the process of a worker"]
fn traced() {
    let told = listen();
    serve(|batch| {
        let before: Vec<Span> = std::mem::take(&mut told.0.lock().unwrap());
        let before = format!("{before:?}");
        batch
            .iter()
            .map(|_| Ok(Payload::from(before.as_str())))
            .collect()
    });
}

#[test]
fn a_requests_spans_are_one_trace_whichever_process_tells_them() {
    let told = listen();
    let session = session();
    let command = crate::pools::command_of("traces::traced");
    let workers = pool("traced", "echo")
        .command(command)
        .range(1..=1)
        .build(&session)
        .unwrap();
    workers.request("first").send().wait().unwrap();
    let served = workers.request("second").send().wait().unwrap();
    let mut spans = told.0.lock().unwrap().clone();
    spans.truncate(2);
    spans.sort();
    let [
        (queue, trace, span, parent),
        (request, same_trace, root, none),
    ] = &spans[..]
    else {
        panic!("{spans:?}");
    };
    assert_eq!((&**queue, &**request), ("queue", "request"));
    assert_eq!((trace, parent, *none), (same_trace, root, 0));
    assert_ne!(span, root);
    let served = String::from_utf8_lossy(&served);
    let part = format!("(\"serve\", {trace}, ");
    assert!(
        served.contains(&part) && served.contains(&format!(", {root})")),
        "{served}"
    );
}
