#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

// The modules form floors, with no circle between any two; from bottom to top:
// os, request, traces, state, breaker, arrivals, scaling, latency, backoff, chaos / protocol, queue,
// assignment / hub, link / serving / pool, client / configuration.
mod arrivals;
mod assignment;
mod backoff;
mod breaker;
mod chaos;
mod client;
mod configuration;
mod hub;
mod latency;
mod link;
mod os;
mod pool;
mod protocol;
mod queue;
mod request;
mod scaling;
mod serving;
mod state;
mod traces;

pub use breaker::BreakerTerms;
#[cfg(feature = "chaos")]
pub use chaos::Chaos;
pub use client::{ConnectError, WorkersClient};
pub use configuration::{
    ApplyError, Configuration, ConfigurationError, Monitoring, MonitoringConfiguration,
    PoolConfiguration, ValueFault, WorkerConfiguration,
};
pub use hub::HubError;
pub use pool::{
    BuildError, Completed, EvictReason, Histogram, WorkerEvent, WorkerStatistics, Workers,
    WorkersBuilder, WorkersStatistics,
};
pub use request::{Payload, PendingAnswer, Priority, Request, RequestError, Requests};
pub use scaling::{ScaleReason, ScalingTerms};
#[doc(hidden)]
pub use serving::Next;
pub use serving::{Answer, AnswerSlot, Batch, BatchRequest, EngineError, Worker, WorkerError};
pub use state::WorkerState;
