//! A frame's bytes on the device: `zp_device_buffer`.

use std::ffi::{c_char, c_int, c_void};

use zenoh_pinned::Pinner;

use crate::{
    arguments::{Place, bytes_mut},
    device_copy,
    failure::failed,
    guard,
    handles::{Handle, Kind, Table},
    path, text,
};

/// Device memory until it is dropped.
#[derive(Debug)]
pub struct DeviceBuffer {
    memory: zenoh_pinned::DeviceBuffer,
    pinner: Pinner,
}

static DEVICE_BUFFERS: Table<DeviceBuffer> = Table::new(6);

impl Kind for DeviceBuffer {
    const NAME: &'static str = "device buffer";
    const CLOSED_BY: &'static str = "zp_device_buffer_drop()";
    fn table() -> &'static Table<Self> {
        &DEVICE_BUFFERS
    }
}

impl DeviceBuffer {
    pub(crate) fn new(memory: zenoh_pinned::DeviceBuffer, pinner: &Pinner) -> Self {
        Self {
            memory,
            pinner: pinner.clone(),
        }
    }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_device_buffer_address(
    buffer: Handle<DeviceBuffer>,
    address: *mut u64,
    bytes: *mut usize,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands, twice.
        let (address, bytes) = unsafe { (Place::optional(address), Place::optional(bytes)) };
        let buffer = buffer.get()?;
        address.store(buffer.memory.address());
        bytes.store(buffer.memory.len());
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_device_buffer_lend_to(
    buffer: Handle<DeviceBuffer>,
    stream: *mut c_void,
) -> c_int {
    guard::done(|| {
        let buffer = buffer.get()?;
        // SAFETY: the header demands a stream of the pinner's context.
        let stream = unsafe { device_copy::stream(&buffer.pinner, stream)? };
        buffer.memory.lend_to(&stream).map_err(failed)
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_device_buffer_wait(buffer: Handle<DeviceBuffer>) -> c_int {
    guard::done(|| buffer.get()?.memory.synchronize().map_err(failed))
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_device_buffer_copy_to_host(
    buffer: Handle<DeviceBuffer>,
    destination: *mut c_void,
    bytes: usize,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let destination = unsafe { bytes_mut(destination, bytes, "the destination")? };
        let buffer = buffer.get()?;
        buffer.memory.copy_to_host(destination).map_err(failed)
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_device_buffer_path(
    buffer: Handle<DeviceBuffer>,
    path: *mut c_int,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(path, "the place for the path")? };
        place.store(path::number_of(buffer.get()?.memory.path()));
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_device_buffer_reason(
    buffer: Handle<DeviceBuffer>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    let said = || {
        let buffer = buffer.get()?;
        let reason = buffer.memory.reason();
        Ok(reason.map_or_else(String::new, ToString::to_string))
    };
    // SAFETY: as the header demands.
    unsafe { text::answer(said, text, capacity, length) }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_device_buffer_drop(buffer: Handle<DeviceBuffer>) -> c_int {
    guard::done(|| buffer.close().map(drop))
}
