//! What is printed of a panic: of a fault of the crates below, or of a limit of the system that they have no error for.
//!
//! Invariant: no path of the machine that built this library is printed, unless `RUST_BACKTRACE` asks for it.

use std::{
    any::Any,
    io::{self, Write},
    panic,
};

/// From now on a panic of this library prints one line. The hooks of other extensions are their own.
pub(crate) fn in_one_line() {
    let is_asked_for = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    if is_asked_for {
        return;
    }
    panic::set_hook(Box::new(|info| {
        // Standard error may be closed, and nobody is left to tell then.
        let _ = writeln!(
            io::stderr(),
            "zenoh_pinned: panic: {} (RUST_BACKTRACE=1 tells where)",
            text(info.payload())
        );
    }));
}

fn text(payload: &dyn Any) -> &str {
    let fixed = payload.downcast_ref::<&str>().copied();
    let formatted = payload.downcast_ref::<String>().map(String::as_str);
    fixed.or(formatted).unwrap_or("of unknown cause")
}
