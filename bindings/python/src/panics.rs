//! Panics of the crates below: faults, or limits of the system that they have no error for.
//!
//! Invariant: none is told with places of the machine that built this library, unless `RUST_BACKTRACE` asks for it.

use std::{
    any::Any,
    io::{self, Write},
    panic,
};

/// From now on prints what a panic of this library says in one line. Other extensions have their own.
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
