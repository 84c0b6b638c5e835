//! A zenoh session whose received segments are registered for a device.

use std::{path::PathBuf, time::Duration};

use pyo3::{exceptions::PyValueError, prelude::*};
use zenoh::{Config, Wait};
use zenoh_pinned_node::pubsub::{self, FrameSubscriber, OpenError, PinnedPublisher};

use super::{Publisher, Subscriber, lines};
use crate::{
    errors,
    open::Open,
    pinners,
    pool::Pool,
    signals,
    sizes::{amount, seconds},
    target::{Target, Wish},
    words,
};

/// The native part of `zenoh_pinned.Session`.
#[pyclass(frozen, module = "zenoh_pinned._native")]
pub(crate) struct Session {
    session: Open<zenoh::Session>,
    target: Target,
}

impl Session {
    /// A handle of the session, and where its frames go.
    ///
    /// # Errors
    /// `ConnectionError`: it is closed; `RuntimeError` in a forked child.
    pub(crate) fn handle(&self) -> PyResult<(zenoh::Session, Target)> {
        Ok((self.session.get()?, self.target))
    }
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (config, file, device, timeout))]
    fn new(
        py: Python<'_>,
        config: Option<&str>,
        file: Option<PathBuf>,
        device: Option<&Bound<'_, PyAny>>,
        timeout: f64,
    ) -> PyResult<Self> {
        // Before anything of zenoh's or the driver's is touched.
        if zenoh_pinned::bindings::zenoh_is_inherited() {
            return Err(errors::open(OpenError::Forked));
        }
        let timeout = Duration::try_from_secs_f64(timeout).map_err(|_| {
            PyValueError::new_err(format!(
                "timeout must be a number of seconds, not {timeout}"
            ))
        })?;
        let config = match (config, file) {
            (Some(text), _) => Config::from_json5(text),
            (None, Some(file)) => Config::from_file(file),
            (None, None) => Ok(Config::default()),
        };
        let config = config.map_err(|error| {
            PyValueError::new_err(format!(
                "not a zenoh configuration: {}",
                words::in_python(&error.to_string())
            ))
        })?;
        let wish = Wish::of(device)?;
        let (session, target) = signals::interruptible(py, || {
            let target = pinners::target_of(wish);
            let pinner = pinners::get(target);
            if let (Wish::Exactly(Target::Cuda(_)), Some(reason)) = (wish, pinner.reason()) {
                return Err(errors::NoDevice::new_err(format!(
                    "{}: use device='auto' where the host will do",
                    words::in_python(&reason.to_string())
                )));
            }
            let session = pubsub::open_within(config, &pinner, timeout).map_err(errors::open)?;
            Ok((session, target))
        })??;
        Ok(Self {
            session: Open::new(session, "the session is closed: open another one"),
            target,
        })
    }

    fn declare_publisher(
        &self,
        py: Python<'_>,
        key: &str,
        pool: &Bound<'_, Pool>,
        wait: f64,
        alone: bool,
        line: bool,
    ) -> PyResult<Publisher> {
        let session = self.session.get()?;
        let pool = pool.get().pool().clone();
        let wait = seconds(wait)?;
        let terms = PinnedPublisher::builder(0).line(line);
        let terms = if alone { terms.alone() } else { terms };
        py.detach(|| Publisher::declare(terms, &session, key, pool, wait))
    }

    fn declare_subscriber(
        &self,
        py: Python<'_>,
        key: &str,
        capacity: i128,
        overflow: &str,
        line: bool,
    ) -> PyResult<Subscriber> {
        let capacity = amount("capacity", capacity)?;
        let overflow = lines::overflow(overflow)?;
        let session = self.session.get()?;
        let target = self.target;
        py.detach(|| {
            let builder = FrameSubscriber::builder(&pinners::get(target))
                .capacity(capacity)
                .overflow(overflow)
                .line(line);
            Subscriber::declare(builder, &session, key, target)
        })
    }

    /// The identity of the session in the network.
    #[getter]
    fn zid(&self) -> PyResult<String> {
        Ok(self.session.get()?.zid().to_string())
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let Some(session) = self.session.take() else {
            return Ok(());
        };
        py.detach(|| session.close().wait()).map_err(errors::zenoh)
    }
}
