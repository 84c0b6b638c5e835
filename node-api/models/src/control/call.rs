//! What goes along with a call to the service that answers it.

use std::{sync::Arc, time::Instant};

use super::{capacity::Capacity, receiving::Received};

/// What a service has to know of the call that it answers.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) until: Option<Instant>,
    pub(super) received: Arc<Received>,
}

impl Call {
    pub(super) fn of<T>(request: &tonic::Request<T>, capacity: &Arc<Capacity>) -> Self {
        let call = request.extensions().get::<Self>();
        // `Calls` gives each call one.
        call.cloned().unwrap_or_else(|| Self {
            until: None,
            received: Received::new(capacity),
        })
    }
}
