//! This thread's last error, the library's version and its log.

use std::{
    ffi::{c_char, c_int},
    io,
};

use tracing_subscriber::EnvFilter;

use crate::{guard, last_error};

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_last_status() -> c_int {
    last_error::status() as c_int
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_last_error() -> *const c_char {
    last_error::text()
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn zp_log_to_standard_error() -> c_int {
    guard::done(|| {
        let filter = EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| EnvFilter::new("off,zenoh_pinned=warn,zenoh_pinned_node=warn"));
        // Only the first one counts.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(false)
            .try_init();
        Ok(())
    })
}
