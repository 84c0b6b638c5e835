//! The device that copies go to, if there is one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use zenoh_pinned::{
    DevicePath, Frame, Pinner,
    cudarc::driver::{CudaContext, CudaStream},
};
use zenoh_pinned_measuring::machine;

use crate::Outcome;

/// Set to 1, it has the double timed as if it were a driver, so that the code of these benchmarks is run.
const TIME_THE_DOUBLE: &str = "ZENOH_PINNED_BENCH_DOUBLE";

pub(crate) struct Device {
    pub(crate) pinner: Pinner,
    pub(crate) context: Arc<CudaContext>,
    pub(crate) stream: Arc<CudaStream>,
    pub(crate) name: String,
}

impl Device {
    /// The first device, or why there is none.
    pub(crate) fn open() -> Result<Self, String> {
        let pinner = Pinner::builder().device(0).staging(0, 0).build();
        if let Some(reason) = pinner.reason() {
            return Err(reason.to_string());
        }
        let context = pinner
            .context()
            .cloned()
            .ok_or("the device has no context")?;
        let stream = context
            .new_stream()
            .map_err(|error| format!("no stream: {error}"))?;
        Ok(Self {
            name: pinner.device_name().unwrap_or_default(),
            pinner,
            context,
            stream,
        })
    }

    /// A benchmark's name, which says of the double that its times mean nothing.
    pub(crate) fn arm(&self, name: &str) -> String {
        match self.is_double() {
            true => format!("{name} (driver double, the figures mean nothing)"),
            false => name.to_owned(),
        }
    }

    fn is_double(&self) -> bool {
        machine::is_double(&self.name)
    }

    /// Waits until a copy of the frame would be direct.
    pub(crate) fn wait_until_registered(&self, frame: &Frame) -> Outcome {
        let deadline = Instant::now() + Duration::from_secs(10);
        while frame.path() != DevicePath::Direct {
            if Instant::now() > deadline {
                let reason = frame.reason().map(|reason| reason.to_string());
                let reason = reason.unwrap_or_default();
                return Err(format!("not registered in ten seconds: {reason}").into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Makes the context current for this thread, for calls into the driver itself.
    pub(crate) fn make_current(&self) -> Outcome {
        Ok(self.context.bind_to_thread()?)
    }
}

/// The device where its times mean something: the double is refused unless it is asked for.
pub(crate) fn worth_timing(device: &Result<Device, String>) -> Result<&Device, &str> {
    let device = device.as_ref().map_err(String::as_str)?;
    let is_asked_for = std::env::var(TIME_THE_DOUBLE).is_ok_and(|value| value == "1");
    if device.is_double() && !is_asked_for {
        return Err(
            "the driver is the test double, whose times mean nothing; ZENOH_PINNED_BENCH_DOUBLE=1 runs it all the same",
        );
    }
    Ok(device)
}
