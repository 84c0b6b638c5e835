//! A message's metadata out of a dictionary, with the types that dora has.

use chrono::{DateTime, Utc};
use dora_message::metadata::{MetadataParameters, Parameter};
use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyBool, PyDateTime, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyTzInfo},
};

/// # Errors
/// `TypeError`: a key that is no string, or a value that dora has no type for.
pub(super) fn of_dict(metadata: Option<&Bound<'_, PyDict>>) -> PyResult<MetadataParameters> {
    let mut parameters = MetadataParameters::new();
    for (key, value) in metadata.into_iter().flatten() {
        let key: String = key
            .extract()
            .map_err(|_| PyTypeError::new_err(format!("the metadata's key {key} is no string")))?;
        let parameter = parameter(&value)?.ok_or_else(|| {
            PyTypeError::new_err(format!(
                "the metadata's {key:?} has type {}: dora has bool, int, float, str, datetime, and lists of int, \
                 float or str",
                value.get_type()
            ))
        })?;
        parameters.insert(key, parameter);
    }
    Ok(parameters)
}

fn parameter(value: &Bound<'_, PyAny>) -> PyResult<Option<Parameter>> {
    // A bool is an int too, in Python.
    if value.is_instance_of::<PyBool>() || value.get_type().name()?.to_string().starts_with("bool")
    {
        return Ok(Some(Parameter::Bool(value.extract()?)));
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
    if value.is_instance_of::<PyInt>() {
        return Ok(Some(Parameter::Integer(value.extract()?)));
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(Some(Parameter::Float(value.extract()?)));
    }
    // NumPy's numbers, which are neither.
    Ok(match (value.extract(), value.extract()) {
        (Ok(number), _) => Some(Parameter::Integer(number)),
        (_, Ok(number)) => Some(Parameter::Float(number)),
        _ => None,
    })
}

/// A list has the type of its elements; integers among floats are floats.
fn list(values: &Bound<'_, PyAny>) -> PyResult<Option<Parameter>> {
    let is_integer = |value: &Bound<'_, PyAny>| {
        !value.is_instance_of::<PyBool>() && value.extract::<i64>().is_ok()
    };
    let values: Vec<Bound<'_, PyAny>> = values.try_iter()?.collect::<PyResult<_>>()?;
    if values.iter().all(is_integer) {
        let values = values.iter().map(|value| value.extract());
        return Ok(Some(Parameter::ListInt(values.collect::<PyResult<_>>()?)));
    }
    if values.iter().any(|value| value.is_instance_of::<PyBool>()) {
        return Ok(None);
    }
    let floats: PyResult<Vec<f64>> = values.iter().map(|value| value.extract()).collect();
    if let Ok(floats) = floats {
        return Ok(Some(Parameter::ListFloat(floats)));
    }
    let texts: PyResult<Vec<String>> = values.iter().map(|value| value.extract()).collect();
    Ok(texts.ok().map(Parameter::ListString))
}
