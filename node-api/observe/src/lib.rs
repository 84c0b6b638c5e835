#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

// The modules form floors, with no circle between any two; from bottom to top:
// families, own_thread / source, traces / workers / host, looks / server. `conformance` stands on source and looks.
#[cfg(feature = "conformance")]
pub mod conformance;
mod families;
mod host;
mod looks;
mod own_thread;
mod server;
mod source;
mod traces;
mod workers;

pub use families::{Families, Histograms, LABEL_BYTES, Values};
pub use host::host;
pub use looks::{SERIES, STATE_BYTES};
pub use prometheus;
pub use server::{Card, Observer, ObserverBuilder, ServeError, Serving};
pub use source::{Figures, LookError, Source};
pub use traces::{TraceError, Traces, TracesBuilder};
#[doc(hidden)]
pub use workers::{
    ObservedPool, ObservedWorkers, SaidOfWorker, SaidOfWorkers, SaidTimes, UnreadableWorkers,
    observe_workers, workers_file,
};
