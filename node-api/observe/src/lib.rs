//! The page, metrics and traces of zenoh-pinned.
