//! Records in and out of memory of other objects, through their buffers.

use std::{mem::MaybeUninit, slice};

use pyo3::prelude::*;
use zenoh_pinned_exchange::bytemuck::{self, Pod};

use super::errors;
use crate::view::buffer_protocol::{self, Buffer, WRITABLE};

/// The flags of a buffer of plain bytes, one behind the other.
const SIMPLE: i32 = 0;

/// Another object's buffer, released with the interpreter attached, at the end of the function that asked for it.
pub(super) struct View<'py> {
    pub(super) buffer: Buffer,
    _object: &'py Bound<'py, PyAny>,
}

impl<'py> View<'py> {
    /// # Errors
    /// What the object says: `TypeError` where it has no buffer, `BufferError` or `ValueError` where it has none like
    /// this.
    pub(super) fn of(object: &'py Bound<'py, PyAny>, flags: i32) -> PyResult<Self> {
        let mut buffer = MaybeUninit::<Buffer>::uninit();
        // SAFETY: the buffer may be written, and `drop` releases it.
        unsafe { buffer_protocol::fill(object, buffer.as_mut_ptr(), flags) }?;
        Ok(Self {
            // SAFETY: there was no error, so it has been filled.
            buffer: unsafe { buffer.assume_init() },
            _object: object,
        })
    }

    /// Checks that it has the size of a record.
    fn check_size_of<T>(&self, name: &str) -> PyResult<()> {
        let size = size_of::<T>();
        if usize::try_from(self.buffer.len) == Ok(size) {
            return Ok(());
        }
        Err(errors::value(format!(
            "{name} takes {size} bytes, not {}: numpy.zeros((), zenoh_pinned.exchange.{name}) has them",
            self.buffer.len
        )))
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        // SAFETY: filled by the exporter, released once; the interpreter is attached, as the object shows.
        unsafe { buffer_protocol::release(&mut self.buffer) };
    }
}

/// Memory of the caller's that a record `T` will be written to.
pub(super) struct Target<'py>(View<'py>);

impl<'py> Target<'py> {
    /// `name` is that of the record's `dtype` in the package.
    ///
    /// # Errors
    /// `ValueError`: of another size. `TypeError`, `BufferError`, `ValueError`: no bytes that can be written.
    pub(super) fn of<T: Pod>(object: &'py Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        let view = View::of(object, WRITABLE)?;
        view.check_size_of::<T>(name)?;
        Ok(Self(view))
    }

    pub(super) fn fill<T: Pod>(&self, record: &T) {
        let bytes = bytemuck::bytes_of(record);
        let len = usize::try_from(self.0.buffer.len).map_or(0, |len| len.min(bytes.len()));
        // SAFETY: the exporter gives `len` bytes that may be written for as long as the view lives, and the record is
        // not in them: it is borrowed from this call's own memory.
        unsafe {
            self.0
                .buffer
                .bytes
                .cast::<u8>()
                .copy_from_nonoverlapping(bytes.as_ptr(), len);
        }
    }
}

/// A copy of the record that an object's bytes are.
///
/// # Errors
/// As of [`Target::of`].
pub(super) fn record_of<T: Pod>(object: &Bound<'_, PyAny>, name: &str) -> PyResult<T> {
    let view = View::of(object, SIMPLE)?;
    view.check_size_of::<T>(name)?;
    // SAFETY: the exporter gives so many bytes for as long as the view lives; they are copied at once.
    let bytes = unsafe { slice::from_raw_parts(view.buffer.bytes.cast::<u8>(), size_of::<T>()) };
    Ok(bytemuck::pod_read_unaligned(bytes))
}
