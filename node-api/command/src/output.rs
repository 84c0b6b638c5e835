//! Where the command prints. A reader that has gone (`zenoh-pinned doctor | head -1`) is no failure.

use std::io::{self, IsTerminal, Write};

use ratatui::crossterm::terminal;
use tracing::subscriber::NoSubscriber;

/// Prints a text and a line end.
pub(crate) fn line(text: &str) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{text}").and_then(|()| output.flush());
}

/// Prints what went wrong.
pub(crate) fn error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "zenoh-pinned: {text}");
}

/// How many characters a line of the terminal has; `None` where the output is none.
pub(crate) fn columns() -> Option<usize> {
    let is_terminal = io::stdout().is_terminal();
    let (columns, _) = terminal::size().ok().filter(|_| is_terminal)?;
    Some(usize::from(columns))
}

/// Does some work on this thread without its warnings on the standard error: for what says in its own output whatever
/// they would say. `RUST_LOG` brings them back.
pub(crate) fn without_warnings<T>(work: impl FnOnce() -> T) -> T {
    match std::env::var_os("RUST_LOG") {
        Some(_) => {
            log_to_standard_error();
            work()
        }
        None => tracing::subscriber::with_default(NoSubscriber::default(), work),
    }
}

/// Prints this library's warnings to the standard error, and whatever else `RUST_LOG` names.
pub(crate) fn log_to_standard_error() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new("off,zenoh_pinned=warn,zenoh_pinned_observe=warn,zenoh_pinned_node=warn")
    });
    // Whoever runs this in a program of theirs may have a log already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .try_init();
}
