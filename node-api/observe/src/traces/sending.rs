//! The thread that sends spans, and the way to it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SpanExporter as _};
use zenoh_pinned::bindings::MadeHere;

use super::{TraceError, span::Told};
use crate::own_thread::OwnThread;

/// Spans that wait at most.
const WAITING: usize = 4096;
/// Spans in one request.
const TOGETHER: usize = 512;
/// How long a span waits for others.
const SEND_EVERY: Duration = Duration::from_secs(1);
/// After what time a collector is given up for this request.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way of spans to the thread. Never waits, and does nothing in a forked child, which has no such thread.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    spans: SyncSender<Option<Told>>,
    counts: Arc<Counts>,
    made_here: MadeHere,
}

#[derive(Debug, Default)]
struct Counts {
    /// Relaxed throughout: a number to look at.
    left_out: AtomicU64,
    /// Relaxed throughout: a flag, and the channel orders what is sent.
    is_over: AtomicBool,
}

impl Queue {
    pub(super) fn add(&self, told: Told) {
        if !self.made_here.holds() || self.counts.is_over.load(Ordering::Relaxed) {
            return;
        }
        if self.spans.try_send(Some(told)).is_err() {
            self.counts.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The thread.
#[derive(Debug)]
pub(super) struct Sender {
    queue: Queue,
    thread: OwnThread,
}

impl Sender {
    pub(super) fn begin(endpoint: &str, service: String) -> Result<Self, TraceError> {
        let wrong = |detail: String| TraceError::Endpoint {
            endpoint: endpoint.to_owned(),
            detail,
        };
        if !endpoint.starts_with("http://") {
            return Err(wrong(String::from("it does not begin with http://")));
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .build();
        let mut exporter = exporter.map_err(|error| wrong(error.to_string()))?;
        exporter.set_resource(&Resource::builder().with_service_name(service).build());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (spans, waiting) = sync_channel(WAITING);
        let queue = Queue {
            spans,
            counts: Arc::default(),
            made_here: MadeHere::now(),
        };
        let counts = queue.counts.clone();
        let thread = OwnThread::begin("zpin-traces", move || {
            runtime.block_on(send_all(&exporter, &waiting, &counts));
        })?;
        Ok(Self { queue, thread })
    }

    pub(super) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    pub(super) fn left_out(&self) -> u64 {
        self.queue.counts.left_out.load(Ordering::Relaxed)
    }

    /// Sends what waits, unless that takes longer. A forked child has nothing to wait for.
    pub(super) fn end_within(self, deadline: Duration) {
        if !self.queue.made_here.holds() {
            std::mem::forget(self);
            return;
        }
        self.queue.counts.is_over.store(true, Ordering::Relaxed);
        // Where the channel is full the thread is at its collector, and finds out afterwards.
        let _ = self.queue.spans.try_send(None);
        self.thread.join_within(deadline);
    }
}

async fn send_all(exporter: &SpanExporter, waiting: &Receiver<Option<Told>>, counts: &Counts) {
    let scope = InstrumentationScope::builder("zenoh-pinned")
        .with_version(env!("CARGO_PKG_VERSION"))
        .build();
    loop {
        let batch = next_batch(waiting, counts);
        if batch.is_empty() {
            return;
        }
        let spans = batch.len() as u64;
        let batch = batch.into_iter().map(|told| told.into_span(&scope));
        let sent = tokio::time::timeout(PATIENCE, exporter.export(batch.collect())).await;
        if !matches!(sent, Ok(Ok(()))) && counts.left_out.fetch_add(spans, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "the collector of traces does not take them: is it running? Spans are left out until it is"
            );
        }
    }
}

/// What is sent together; nothing once it is over. The runtime has nothing else to do meanwhile.
fn next_batch(waiting: &Receiver<Option<Told>>, counts: &Counts) -> Vec<Told> {
    let mut batch = Vec::new();
    let first = match counts.is_over.load(Ordering::Relaxed) {
        // Nothing is added any more.
        true => waiting.try_recv().ok(),
        false => waiting.recv().ok(),
    };
    batch.extend(first.flatten());
    let until = Instant::now() + SEND_EVERY;
    while !batch.is_empty() && batch.len() < TOGETHER {
        let left = until.saturating_duration_since(Instant::now());
        match waiting.recv_timeout(left) {
            Ok(Some(told)) => batch.push(told),
            // It is over, or so much time has passed.
            Ok(None) | Err(_) => break,
        }
    }
    batch
}
