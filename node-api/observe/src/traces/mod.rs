//! Traces of frames, from put to device, to any collector of OpenTelemetry.
//!
//! Holds: a layer of `tracing` that takes what the crates below tell of frames (`layer`), the spans that it makes of them
//! (`span`), and the thread that sends them (`sending`).
//!
//! A frame's trace has the same id in every process, computed from its publisher and number, so producer and consumers
//! need nothing but this, each by itself: no byte is added to a message. Which traces are sampled is decided by that
//! id too, so a trace is whole or absent. Where a dora message carries its sender's trace, it goes on.
//!
//! Locks: none. Spans go through a bounded channel; what does not fit is counted and left out, so a collector that is slow
//! or away costs a frame nothing.

mod layer;
mod sending;
mod span;

use std::time::Duration;

use layer::FrameLayer;
use sending::Sender;
use span::Sampling;
use tracing::Subscriber;
use tracing_subscriber::{Layer, layer::SubscriberExt, registry::LookupSpan};

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The endpoint is no URL of a collector.
    #[error(
        "{endpoint:?} is no endpoint of a collector ({detail}): write one as http://127.0.0.1:4318"
    )]
    Endpoint {
        /// As it was given.
        endpoint: String,
        /// What is wrong with it.
        detail: String,
    },
    /// This process has a subscriber of `tracing` already.
    #[error(
        "this process has a subscriber of tracing already: add the layer to it (TracesBuilder::layer)"
    )]
    HasSubscriber,
    /// No thread could be had.
    #[error("no thread for sending: {0}; end something, or raise the limit of threads (ulimit -u)")]
    Thread(#[from] std::io::Error),
}

/// What to send where. Made by [`Traces::builder`].
#[derive(Clone, Debug)]
pub struct TracesBuilder {
    endpoint: String,
    service: String,
    ratio: f64,
}

/// Sends spans while it exists; what is left is sent within two seconds when it is dropped. Any thread.
#[derive(Debug)]
pub struct Traces {
    sender: Option<Sender>,
}

impl Traces {
    /// A builder: to `http://127.0.0.1:4318`, each frame, under this process's name.
    ///
    /// ```
    /// use zenoh_pinned_observe::Traces;
    ///
    /// let traces = Traces::builder()
    ///     .endpoint("http://127.0.0.1:4318") // the collector; OTLP over HTTP
    ///     .service("camera")
    ///     .ratio(0.01) // one frame of a hundred, the same ones in every process
    ///     .install()?;
    /// // Frames that are put, received and copied from here on are traced.
    /// assert_eq!(traces.left_out(), 0);
    /// # Ok::<(), zenoh_pinned_observe::TraceError>(())
    /// ```
    pub fn builder() -> TracesBuilder {
        let program = std::env::args_os().next().map(std::path::PathBuf::from);
        let name = program.as_deref().and_then(std::path::Path::file_name);
        TracesBuilder {
            endpoint: String::from("http://127.0.0.1:4318"),
            service: name.map_or_else(
                || String::from("unknown"),
                |name| name.to_string_lossy().into_owned(),
            ),
            ratio: 1.0,
        }
    }

    /// What the environment asks for, without a change to the program: `ZENOH_PINNED_TRACES` is the endpoint, `None` where it
    /// is not set or empty; OpenTelemetry's `OTEL_SERVICE_NAME` and `OTEL_TRACES_SAMPLER_ARG` are name and share.
    ///
    /// ```
    /// use zenoh_pinned_observe::Traces;
    ///
    /// // ZENOH_PINNED_TRACES=http://127.0.0.1:4318 OTEL_SERVICE_NAME=camera OTEL_TRACES_SAMPLER_ARG=0.1
    /// let traces = Traces::from_environment().map(|builder| builder.install()).transpose()?;
    /// # let _ = traces;
    /// # Ok::<(), zenoh_pinned_observe::TraceError>(())
    /// ```
    pub fn from_environment() -> Option<TracesBuilder> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut builder = Self::builder().endpoint(variable("ZENOH_PINNED_TRACES")?);
        if let Some(name) = variable("OTEL_SERVICE_NAME") {
            builder = builder.service(name);
        }
        if let Some(ratio) = variable("OTEL_TRACES_SAMPLER_ARG") {
            match ratio.trim().parse() {
                Ok(ratio) => builder = builder.ratio(ratio),
                Err(_) => {
                    tracing::warn!(
                        "OTEL_TRACES_SAMPLER_ARG={ratio:?} is no share from 0 to 1, so each frame is traced"
                    );
                }
            }
        }
        Some(builder)
    }

    /// Spans that were not sent, because the collector was slow or away.
    pub fn left_out(&self) -> u64 {
        self.sender.as_ref().map_or(0, Sender::left_out)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.end_within(Duration::from_secs(2));
        }
    }
}

impl TracesBuilder {
    /// Where a collector listens for OTLP over HTTP: `http://host:port`, to which `/v1/traces` is added.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// What this process is called in traces (`service.name`).
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = name.into();
        self
    }

    /// The share of frames that is traced, from 0 to 1. Decided by the trace's id, as OpenTelemetry's
    /// `TraceIdRatioBased` does, so that every process that says the same traces the same frames.
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Begins to send, and gives the layer for a subscriber that the program has.
    ///
    /// ```
    /// use tracing_subscriber::layer::SubscriberExt;
    /// use zenoh_pinned_observe::Traces;
    ///
    /// let (traces, layer) = Traces::builder().layer()?;
    /// let subscriber = tracing_subscriber::registry().with(layer); // and the program's own layers
    /// # let _ = (traces, subscriber);
    /// # Ok::<(), zenoh_pinned_observe::TraceError>(())
    /// ```
    ///
    /// # Errors
    /// [`TraceError::Endpoint`], [`TraceError::Thread`].
    pub fn layer<Whole: Subscriber + for<'a> LookupSpan<'a>>(
        self,
    ) -> Result<(Traces, impl Layer<Whole>), TraceError> {
        let sender = Sender::begin(&self.endpoint, self.service)?;
        let layer = FrameLayer {
            queue: sender.queue(),
            sampling: Sampling::of_ratio(self.ratio),
        };
        let layer = layer.with_filter(layer::only_frames());
        let traces = Traces {
            sender: Some(sender),
        };
        Ok((traces, layer))
    }

    /// As [`TracesBuilder::layer`], in a program that has no subscriber: it gets one that does this and nothing else.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn install(self) -> Result<Traces, TraceError> {
        let (traces, layer) = self.layer()?;
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber)
            .map_err(|_| TraceError::HasSubscriber)?;
        Ok(traces)
    }
}
