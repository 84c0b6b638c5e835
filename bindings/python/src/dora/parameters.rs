//! A message's metadata out of a dictionary, as dora's own Python API takes it.
//!
//! The rule is dora's, value by value, so that a message does not change with its way: what dora has no type for
//! arrives as its text, and a list is of the type of its first element.

use chrono::{DateTime, Utc};
use dora_message::metadata::{MetadataParameters, Parameter};
use pyo3::{
    conversion::FromPyObjectOwned,
    exceptions::{PyOverflowError, PyTypeError},
    prelude::*,
    types::{PyBool, PyDateTime, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyTzInfo},
};

/// # Errors
/// `TypeError`: a key that is no string, or an element of a list that is not of its first one's type;
/// `OverflowError`: an integer beyond 64 bits.
pub(super) fn of_dict(metadata: Option<&Bound<'_, PyDict>>) -> PyResult<MetadataParameters> {
    converted(metadata, |key, text| {
        tracing::warn!(
            key,
            text,
            "dora has no type for this metadata, its text is sent"
        );
    })
}

/// Whether dora itself can send a message with this metadata.
///
/// # Errors
/// As [`of_dict`].
pub(super) fn check(metadata: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
    // It says itself what it makes text of.
    converted(metadata, |_, _| {}).map(drop)
}

fn converted(
    metadata: Option<&Bound<'_, PyDict>>,
    tell: impl Fn(&str, &str),
) -> PyResult<MetadataParameters> {
    let mut parameters = MetadataParameters::new();
    for (key, value) in metadata.into_iter().flatten() {
        let key: String = key
            .extract()
            .map_err(|_| PyTypeError::new_err(format!("the metadata's key {key} is no string")))?;
        let parameter = parameter(&value).map_err(|error| named(&key, &value, error))?;
        let parameter = match parameter {
            Some(parameter) => parameter,
            None => {
                let text = value.str()?.to_string();
                tell(&key, &text);
                Parameter::String(text)
            }
        };
        parameters.insert(key, parameter);
    }
    Ok(parameters)
}

/// Says of which value an error is.
fn named(key: &str, value: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = value.py();
    let text = format!("the metadata's '{key}': {}", error.value(py));
    match error {
        error if error.is_instance_of::<PyOverflowError>(py) => {
            PyOverflowError::new_err(format!("{text}; dora's integers have 64 bits"))
        }
        error if error.is_instance_of::<PyTypeError>(py) => {
            PyTypeError::new_err(format!("{text}; a list is of its first element's type"))
        }
        error => error,
    }
}

/// `None`: dora has no type for it.
fn parameter(value: &Bound<'_, PyAny>) -> PyResult<Option<Parameter>> {
    // A bool is an int too, in Python.
    if value.is_exact_instance_of::<PyBool>() {
        return Ok(Some(Parameter::Bool(value.extract()?)));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(Some(Parameter::Integer(value.extract()?)));
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(Some(Parameter::Float(value.extract()?)));
    }
    if value.is_instance_of::<PyString>() {
        return Ok(Some(Parameter::String(value.extract()?)));
    }
    if value.is_instance_of::<PyDateTime>() {
        let utc = PyTzInfo::utc(value.py())?;
        let value = value.call_method1("astimezone", (utc,))?;
        return Ok(Some(Parameter::Timestamp(
            value.extract::<DateTime<Utc>>()?,
        )));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return list(value);
    }
    Ok(None)
}

fn list(values: &Bound<'_, PyAny>) -> PyResult<Option<Parameter>> {
    let Some(first) = values.try_iter()?.next().transpose()? else {
        return Ok(Some(Parameter::ListInt(Vec::new())));
    };
    if first.is_exact_instance_of::<PyInt>() {
        return Ok(Some(Parameter::ListInt(elements(values)?)));
    }
    if first.is_exact_instance_of::<PyFloat>() {
        return Ok(Some(Parameter::ListFloat(elements(values)?)));
    }
    if first.is_exact_instance_of::<PyString>() {
        return Ok(Some(Parameter::ListString(elements(values)?)));
    }
    Ok(None)
}

fn elements<'py, T: FromPyObjectOwned<'py>>(values: &Bound<'py, PyAny>) -> PyResult<Vec<T>> {
    let values = values.try_iter()?;
    values
        .map(|value| value?.extract().map_err(Into::into))
        .collect()
}
