//! The command `zenoh-pinned`, as Python's own package installs it.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Run the command ``zenoh-pinned`` with these arguments, of which the first is the program's name, and give its
/// exit code.
///
/// It prints to the process's standard output and error, past Python's own. Other threads run meanwhile. ``top``
/// and ``serve`` take the handlers of SIGINT, SIGTERM and SIGHUP for as long as they run.
#[pyfunction]
pub(crate) fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| zenoh_pinned_command::run(arguments).code())
}
