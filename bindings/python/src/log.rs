//! The library's log, quiet unless `RUST_LOG` asks for it.

use tracing_subscriber::EnvFilter;

/// Prints warnings of this library to standard error, and whatever else `RUST_LOG` names.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("off,zenoh_pinned=warn,zenoh_pinned_node=warn"));
    // Another extension of the process may have set one.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}
