//! The end of a pinner: nobody adds a registration, then no copy uses one, then they go.
//!
//! That waits for the pinner's threads, and for copies in flight. The last owner may go on a thread that must not wait:
//! with a hold, on the pinner's own thread, or inside zenoh's. Then another thread waits.

use std::{mem::ManuallyDrop, sync::Arc};

use crate::{
    cuda::InFlight,
    os::waiting,
    registration::{Registrar, Staging, Table},
};

/// What has to end.
pub(super) struct Ending {
    pub(super) registrar: Option<Registrar>,
    pub(super) in_flight: InFlight,
    pub(super) table: Arc<Table>,
    pub(super) staging: Arc<Staging>,
}

impl Ending {
    pub(super) fn begin(self) {
        if waiting::is_allowed() {
            return self.end();
        }
        // Where no thread can be had everything stays: nobody could say when it may go.
        let everything = ManuallyDrop::new(self);
        let thread = std::thread::Builder::new().name(String::from("zpin-ending"));
        let started = thread.spawn(move || ManuallyDrop::into_inner(everything).end());
        if let Err(error) = started {
            tracing::error!(%error, "a pinner's registrations stay until this process ends");
        }
    }

    fn end(self) {
        if let Some(registrar) = &self.registrar {
            registrar.stop();
        }
        self.in_flight.close();
        self.table.clear();
        self.staging.clear();
    }
}
