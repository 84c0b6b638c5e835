//! What the driver says of its devices without a context: nothing is made on any of them.

use cudarc::driver::{result, sys};

use super::{
    device::{SUPPORTS_REGISTRATION, no_device_or, without_missing_symbols},
    entries,
    error::DriverError,
};
use crate::{os, reason::FallbackReason};

/// A device that the driver counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedDevice {
    /// Its name as the driver gives it; empty where it gives none.
    pub name: String,
    /// Whether host memory can be registered for it; `None` where the driver does not know.
    pub registers_host_memory: Option<bool>,
}

/// The devices in the driver's order. Loads and initialises the driver.
///
/// # Errors
/// There is no driver, or it does not begin to work.
pub(crate) fn devices() -> Result<Vec<CountedDevice>, FallbackReason> {
    if os::exit::driver_is_inherited() {
        return Err(FallbackReason::Forked);
    }
    entries::load()?;
    without_missing_symbols(|| {
        let failed = |call| move |error| no_device_or(call, 0, DriverError::from(error));
        result::init().map_err(failed("cuInit"))?;
        os::exit::close_gate_before_driver();
        let count = result::device::get_count().map_err(failed("cuDeviceGetCount"))?;
        let devices = (0..count).map(|ordinal| {
            let device = result::device::get(ordinal).map_err(failed("cuDeviceGet"))?;
            Ok(counted(device))
        });
        devices.collect()
    })
}

fn counted(device: sys::CUdevice) -> CountedDevice {
    // SAFETY: the driver has just given this device.
    let supported = unsafe { result::device::get_attribute(device, SUPPORTS_REGISTRATION) };
    CountedDevice {
        name: result::device::get_name(device).unwrap_or_default(),
        registers_host_memory: supported.ok().map(|supported| supported != 0),
    }
}
