//! Numbers that callers give: shapes, amounts of things, and times to wait.

use std::time::Duration;

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyString, PyTuple},
};

/// A shape as NumPy takes it: one size, or a sequence of them.
#[derive(Debug)]
pub(crate) struct Sizes(Vec<i128>);

impl<'py> FromPyObject<'_, 'py> for Sizes {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        // Mostly it is a tuple, which is no number: to try costs an exception.
        let is_tuple = object.is_exact_instance_of::<PyTuple>();
        if let (false, Ok(size)) = (is_tuple, size(&object)) {
            return Ok(Self(vec![size]));
        }
        let sizes = match object.is_instance_of::<PyString>() {
            true => Err(PyTypeError::new_err("")),
            false => object.try_iter(),
        };
        let sizes = sizes.map_err(|_| {
            PyTypeError::new_err(format!(
                "a shape is an integer or a sequence of integers, not {}",
                object.get_type()
            ))
        })?;
        let sizes = sizes.map(|object| size(&object?));
        sizes.collect::<PyResult<_>>().map(Self)
    }
}

/// Any integer: one of 128 bits takes objects of Python's to convert, one of 64 none.
fn size(object: &Bound<'_, PyAny>) -> PyResult<i128> {
    match object.extract::<i64>() {
        Ok(size) => Ok(size.into()),
        Err(_) => object.extract(),
    }
}

impl Sizes {
    /// The sizes as they were given; one may be -1.
    pub(crate) fn asked(&self) -> &[i128] {
        &self.0
    }

    /// The sizes of something that is made.
    ///
    /// # Errors
    /// `ValueError`: one is negative, or larger than any memory.
    pub(crate) fn exact(&self) -> PyResult<Vec<usize>> {
        let size = |size: &i128| usize::try_from(*size).ok();
        let sizes: Option<_> = self.0.iter().map(size).collect();
        sizes.ok_or_else(|| {
            PyValueError::new_err(format!(
                "nothing can be made of shape {}: a size is negative or too large",
                tuple(&self.0)
            ))
        })
    }
}

/// An amount in the type that is needed.
///
/// # Errors
/// `ValueError`: it is negative or too large.
pub(crate) fn amount<T: TryFrom<i128>>(name: &str, given: i128) -> PyResult<T> {
    T::try_from(given).map_err(|_| {
        PyValueError::new_err(format!("{name}={given} is negative, or more than there is"))
    })
}

/// Some years.
const LONGEST_SECONDS: f64 = 1e8;

/// A number of seconds as a time.
///
/// # Errors
/// `ValueError`: negative, or no number.
pub(crate) fn seconds(seconds: f64) -> PyResult<Duration> {
    // A longer time than anybody waits would overflow the clock.
    let bounded = seconds.min(LONGEST_SECONDS);
    if seconds.is_infinite() || seconds.is_nan() {
        return Err(no_time(seconds));
    }
    Duration::try_from_secs_f64(bounded).map_err(|_| no_time(seconds))
}

fn no_time(seconds: f64) -> PyErr {
    PyValueError::new_err(format!(
        "{seconds} is no time to wait: use seconds, zero or more"
    ))
}

/// Sizes as Python writes them.
pub(crate) fn tuple<T: std::fmt::Display>(sizes: &[T]) -> String {
    let texts: Vec<_> = sizes.iter().map(ToString::to_string).collect();
    match texts.len() {
        1 => format!("({},)", texts[0]),
        _ => format!("({})", texts.join(", ")),
    }
}
