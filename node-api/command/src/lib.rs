//! The command `zenoh-pinned`.
