//! Frames: `zp_frame`.

use std::{
    ffi::{CString, c_char, c_int, c_void},
    sync::OnceLock,
    time::UNIX_EPOCH,
};

use zenoh::{bytes::ZBytes, key_expr::KeyExpr, time::Timestamp};
use zenoh_pinned::Pinner;
use zenoh_pinned_node::pubsub::ReceivedFrame;

use crate::{
    arguments::{Place, invalid},
    device_buffer::DeviceBuffer,
    device_copy,
    failure::failed,
    guard,
    handles::{Handle, Kind, Table},
    path, text,
};

/// A frame and what came with it, until it is dropped.
#[derive(Debug)]
pub struct Frame {
    frame: zenoh_pinned::Frame,
    key: Option<KeyExpr<'static>>,
    attachment: Option<ZBytes>,
    timestamp: Option<Timestamp>,
    pinner: Pinner,
    /// For C, made when they are asked for.
    key_text: OnceLock<CString>,
    attachment_bytes: OnceLock<Vec<u8>>,
}

static FRAMES: Table<Frame> = Table::new(5);

impl Kind for Frame {
    const NAME: &'static str = "frame";
    const CLOSED_BY: &'static str = "zp_frame_drop()";
    fn table() -> &'static Table<Self> {
        &FRAMES
    }
}

impl Frame {
    pub(crate) fn received(received: ReceivedFrame, pinner: &Pinner) -> Self {
        Self {
            key: Some(received.key),
            attachment: received.attachment,
            timestamp: received.timestamp,
            ..Self::of(received.frame, pinner)
        }
    }

    /// Of bytes that nobody has published.
    pub(crate) fn of(frame: zenoh_pinned::Frame, pinner: &Pinner) -> Self {
        Self {
            frame,
            key: None,
            attachment: None,
            timestamp: None,
            pinner: pinner.clone(),
            key_text: OnceLock::new(),
            attachment_bytes: OnceLock::new(),
        }
    }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_frame_data(
    frame: Handle<Frame>,
    data: *mut *const c_void,
    bytes: *mut usize,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands, twice.
        let (data, bytes) = unsafe { (Place::optional(data), Place::optional(bytes)) };
        let frame = frame.get()?;
        data.store(frame.frame.as_ptr().cast());
        bytes.store(frame.frame.len());
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_frame_key(frame: Handle<Frame>, key: *mut *const c_char) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(key, "the place for the key")? };
        let frame = frame.get()?;
        // A key expression has no zero.
        let key = frame.key.as_ref().map_or("", |key| key.as_str());
        let made = || CString::new(key).unwrap_or_default();
        place.store(frame.key_text.get_or_init(made).as_ptr());
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_frame_attachment(
    frame: Handle<Frame>,
    data: *mut *const c_void,
    bytes: *mut usize,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands, twice.
        let (data, bytes) = unsafe { (Place::optional(data), Place::optional(bytes)) };
        let frame = frame.get()?;
        let Some(attachment) = &frame.attachment else {
            data.store(std::ptr::null());
            bytes.store(0);
            return Ok(());
        };
        let attachment = frame
            .attachment_bytes
            .get_or_init(|| attachment.to_bytes().into_owned());
        data.store(attachment.as_ptr().cast());
        bytes.store(attachment.len());
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_frame_timestamp(frame: Handle<Frame>, nanoseconds: *mut u64) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(nanoseconds, "the place for the time")? };
        let stamp = frame.get()?.timestamp;
        place.store(stamp.as_ref().map_or(0, nanoseconds_of));
        Ok(())
    })
}

fn nanoseconds_of(stamp: &Timestamp) -> u64 {
    let since = stamp.get_time().to_system_time().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_frame_is_shared(frame: Handle<Frame>, is_shared: *mut c_int) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(is_shared, "the place for the answer")? };
        place.store(frame.get()?.frame.is_shared().into());
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_frame_path(frame: Handle<Frame>, path: *mut c_int) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(path, "the place for the path")? };
        place.store(path::number_of(frame.get()?.frame.path()));
        Ok(())
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_frame_reason(
    frame: Handle<Frame>,
    text: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> c_int {
    let said = || {
        let reason = frame.get()?.frame.reason();
        Ok(reason.map_or_else(String::new, |reason| reason.to_string()))
    };
    // SAFETY: as the header demands.
    unsafe { text::answer(said, text, capacity, length) }
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_frame_copy_to_device(
    frame: Handle<Frame>,
    address: u64,
    bytes: usize,
    stream: *mut c_void,
) -> c_int {
    guard::done(|| {
        let frame = frame.get()?;
        if address == 0 {
            return Err(invalid(
                "the device address is 0: allocate device memory first",
            ));
        }
        // SAFETY: the header demands a stream of the pinner's context, and so much device memory there.
        let copied = unsafe {
            let stream = device_copy::stream(&frame.pinner, stream)?;
            frame.frame.copy_to_address(address, bytes, &stream)
        };
        copied.map_err(failed)
    })
}

/// See the header.
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zp_frame_to_device_buffer(
    frame: Handle<Frame>,
    stream: *mut c_void,
    buffer: *mut Handle<DeviceBuffer>,
) -> c_int {
    guard::done(|| {
        // SAFETY: as the header demands.
        let place = unsafe { Place::needed(buffer, "the place for the buffer")? };
        let frame = frame.get()?;
        // SAFETY: the header demands a stream of the pinner's context.
        let stream = unsafe { device_copy::stream(&frame.pinner, stream)? };
        let copied = frame.frame.copy_to_device_buffer(&stream);
        let copied = copied.map_err(failed)?;
        // It is the caller's, who may destroy it at any time.
        copied.leave_stream().map_err(failed)?;
        place.store(Handle::open(DeviceBuffer::new(copied, &frame.pinner))?);
        Ok(())
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_frame_drop(frame: Handle<Frame>) -> c_int {
    guard::done(|| frame.close().map(drop))
}
