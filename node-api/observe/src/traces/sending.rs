//! The thread that sends spans, and the way to it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};

use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SpanExporter as _};

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

/// The way of spans to the thread. Never waits.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    spans: SyncSender<Option<Told>>,
    left_out: Arc<AtomicU64>,
}

impl Queue {
    pub(super) fn add(&self, told: Told) {
        if self.spans.try_send(Some(told)).is_err() {
            self.leave_out(1);
        }
    }

    fn leave_out(&self, spans: usize) {
        // Relaxed: a number to look at.
        self.left_out.fetch_add(spans as u64, Ordering::Relaxed);
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
            left_out: Arc::default(),
        };
        let counting = queue.left_out.clone();
        let thread = OwnThread::begin("zpin-traces", move || {
            runtime.block_on(send_all(&exporter, &waiting, &counting));
        })?;
        Ok(Self { queue, thread })
    }

    pub(super) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    pub(super) fn left_out(&self) -> u64 {
        // Relaxed: see `Queue::leave_out`.
        self.queue.left_out.load(Ordering::Relaxed)
    }

    /// Sends what waits, unless that takes longer.
    pub(super) fn end_within(self, deadline: Duration) {
        // Where the channel is full the thread is at its collector, and is left to its own deadline.
        let _ = self.queue.spans.try_send(None);
        self.thread.join_within(deadline);
    }
}

async fn send_all(exporter: &SpanExporter, waiting: &Receiver<Option<Told>>, left_out: &AtomicU64) {
    let scope = InstrumentationScope::builder("zenoh-pinned")
        .with_version(env!("CARGO_PKG_VERSION"))
        .build();
    let mut is_over = false;
    while !is_over {
        let mut batch = Vec::new();
        // The runtime has nothing else to do meanwhile.
        match waiting.recv() {
            Ok(Some(first)) => batch.push(first),
            Ok(None) | Err(_) => return,
        }
        let until = std::time::Instant::now() + SEND_EVERY;
        while batch.len() < TOGETHER && !is_over {
            let left = until.saturating_duration_since(std::time::Instant::now());
            match waiting.recv_timeout(left) {
                Ok(Some(told)) => batch.push(told),
                Ok(None) | Err(RecvTimeoutError::Disconnected) => is_over = true,
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        let spans = batch.len();
        let batch = batch
            .into_iter()
            .map(|told| told.into_span(&scope))
            .collect();
        let sent = tokio::time::timeout(PATIENCE, exporter.export(batch)).await;
        if !matches!(sent, Ok(Ok(()))) {
            let before = left_out.fetch_add(spans as u64, Ordering::Relaxed);
            if before == 0 {
                tracing::warn!(
                    "the collector of traces does not take them: is it running? Spans are left out until it is"
                );
            }
        }
    }
}
