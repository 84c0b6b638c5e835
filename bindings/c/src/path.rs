//! The way of a frame's bytes, as a number of C's.

use std::ffi::c_int;

use zenoh_pinned::DevicePath;

/// `zp_path`.
pub(crate) fn number_of(path: DevicePath) -> c_int {
    match path {
        DevicePath::Direct => 0,
        DevicePath::Staged => 1,
        DevicePath::Pageable => 2,
        DevicePath::Host => 3,
    }
}
