//! Weights as a caller has them: a list, an array of any kind, or whatever else is a sequence of numbers.

use std::ffi::CStr;

use pyo3::{
    prelude::*,
    types::{PyList, PyTuple},
};
use zenoh_pinned_exchange::{SERVERS, WeightsError};

use super::{errors, memory::View};
use crate::view::buffer_protocol::FULL_READ_ONLY;

/// The first `count` weights, or all.
///
/// # Errors
/// `ValueError`: there are fewer, or more than servers can be, or one is none. `TypeError`: no sequence of numbers.
pub(super) fn weights_of(object: &Bound<'_, PyAny>, count: Option<i64>) -> PyResult<Vec<f32>> {
    // An object without a buffer costs an exception.
    let is_plain =
        object.is_exact_instance_of::<PyList>() || object.is_exact_instance_of::<PyTuple>();
    if !is_plain && let Ok(view) = View::of(object, FULL_READ_ONLY) {
        let count = count_of(view.len()?, count)?;
        if let Some(weights) = view.numbers(count) {
            return weights.into_iter().enumerate().map(in_range).collect();
        }
    }
    let count = count_of(object.len()?, count)?;
    let numbers = object.try_iter()?.take(count);
    let weights = numbers.map(|number| number?.extract::<f64>());
    let weights = weights.collect::<PyResult<Vec<_>>>()?;
    weights.into_iter().enumerate().map(in_range).collect()
}

fn count_of(there: usize, asked: Option<i64>) -> PyResult<usize> {
    let count = match asked {
        None => there,
        Some(asked) => usize::try_from(asked)
            .ok()
            .filter(|asked| *asked <= there)
            .ok_or_else(|| {
                errors::value(format!(
                    "num_servers={asked}, and there are {there} weights"
                ))
            })?,
    };
    match count > SERVERS {
        true => Err(errors::value(WeightsError::TooMany { count }.to_string())),
        false => Ok(count),
    }
}

/// A weight in the precision of an action.
fn in_range((server, weight): (usize, f64)) -> PyResult<f32> {
    let single = weight as f32;
    if weight.is_finite() && single.is_infinite() {
        return Err(errors::value(format!(
            "the weight of server {server} is {weight:e}, beyond what 32 bits hold: divide all by their sum"
        )));
    }
    Ok(single)
}

impl View<'_> {
    /// How many elements there are, in one row.
    fn len(&self) -> PyResult<usize> {
        if self.buffer.dimensions != 1 || self.buffer.shape.is_null() {
            return Err(errors::value(format!(
                "weights are one row of numbers, not an array of {} dimensions",
                self.buffer.dimensions
            )));
        }
        // SAFETY: the exporter gives an entry for each dimension.
        let len = unsafe { *self.buffer.shape };
        Ok(usize::try_from(len).unwrap_or(0))
    }

    /// The first `count` of them; `None` where they are no floating-point numbers of this machine's.
    fn numbers(&self, count: usize) -> Option<Vec<f64>> {
        if self.buffer.format.is_null() || !self.buffer.suboffsets.is_null() {
            return None;
        }
        // SAFETY: the exporter gives a string that lives as long as the view.
        let format = unsafe { CStr::from_ptr(self.buffer.format) };
        let is_single = match format.to_bytes() {
            b"f" | b"@f" | b"=f" => true,
            b"d" | b"@d" | b"=d" => false,
            _ => return None,
        };
        let step = match self.buffer.strides.is_null() {
            true => self.buffer.item_bytes,
            // SAFETY: as with the shape.
            false => unsafe { *self.buffer.strides },
        };
        let first = self.buffer.bytes.cast::<u8>();
        let number = |index: usize| {
            let element = first.wrapping_offset(step * index as isize);
            // SAFETY: `index` is below the number of elements that `len` gave, so the exporter has one of this format
            // there, aligned or not.
            unsafe {
                match is_single {
                    true => element.cast::<f32>().read_unaligned().into(),
                    false => element.cast::<f64>().read_unaligned(),
                }
            }
        };
        Some((0..count).map(number).collect())
    }
}
