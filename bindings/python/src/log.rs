//! The library's log, quiet unless `RUST_LOG` asks for it.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;

use crate::words;

/// Prints warnings of this library to standard error, and whatever else `RUST_LOG` names.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new("off,zenoh_pinned=warn,zenoh_pinned_node=warn,_native=warn")
    });
    // Another extension of the process may have set one.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| InPython)
        .with_ansi(false)
        .try_init();
}

/// Standard error, in Python's words. Each line is written at once.
struct InPython;

impl Write for InPython {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let words = words::in_python(&String::from_utf8_lossy(line));
        io::stderr().write_all(words.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
