//! Which device a caller means.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyString,
};

/// Where frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Host,
    Cuda(usize),
}

/// What a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing: what this process uses already.
    Any,
    /// CUDA device 0 where there is one, else the host.
    Auto,
    Exactly(Target),
}

impl Wish {
    /// `None`, "auto", "cpu", "cuda", "cuda:1", 1, or an object that prints as one of these, as torch's do.
    ///
    /// # Errors
    /// `ValueError` or `TypeError`: it names no such device.
    pub(crate) fn of(device: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(device) = device else {
            return Ok(Self::Any);
        };
        if !device.is_instance_of::<PyString>() && is_number(device)? {
            let ordinal = device
                .extract::<usize>()
                .map_err(|_| unknown(&device.to_string()))?;
            return Ok(Self::Exactly(Target::Cuda(ordinal)));
        }
        let name = device.str()?.to_string();
        match name.as_str() {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Exactly(Target::Host)),
            "cuda" => Ok(Self::Exactly(Target::Cuda(0))),
            _ => match name.strip_prefix("cuda:").map(str::parse) {
                Some(Ok(ordinal)) => Ok(Self::Exactly(Target::Cuda(ordinal))),
                _ if name.starts_with('<') => Err(PyTypeError::new_err(format!(
                    "a device is 'auto', 'cpu', 'cuda:0' or a number, not {name}"
                ))),
                _ => Err(unknown(&name)),
            },
        }
    }
}

/// NumPy's integers too, and of neither the bools.
fn is_number(device: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_bool = device.get_type().name()?.to_string().starts_with("bool");
    Ok(!is_bool && device.hasattr("__index__")?)
}

fn unknown(name: &str) -> PyErr {
    PyValueError::new_err(format!(
        "there is no device '{name}': use 'auto', 'cpu', 'cuda:0' or a number"
    ))
}
