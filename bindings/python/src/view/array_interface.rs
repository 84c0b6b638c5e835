//! NumPy's array interface, outward: the dictionary of `__array_interface__`, and of `__cuda_array_interface__`.

use pyo3::{
    intern,
    prelude::*,
    types::{PyDict, PyTuple},
};

use crate::element::Element;

/// Memory at this address, as version 3 of the interface has it, in row-major order.
pub(crate) fn of<'py>(
    py: Python<'py>,
    element: &Element,
    shape: &[usize],
    address: u64,
    is_read_only: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let interface = PyDict::new(py);
    interface.set_item(intern!(py, "version"), 3)?;
    interface.set_item(intern!(py, "typestr"), element.array_type)?;
    interface.set_item(intern!(py, "shape"), PyTuple::new(py, shape)?)?;
    interface.set_item(intern!(py, "data"), (address, is_read_only))?;
    Ok(interface)
}
