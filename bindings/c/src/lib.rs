//! The functions of `include/zenoh_pinned.h`, which says what they do.
//!
//! Holds: what C's handles stand for (`handles`), one module for each kind of them, and what every call has in common:
//! its guard (`guard`), its arguments (`arguments`), its status (`status`), and what is said where it fails (`failure`,
//! `last_error`, `words`). The work is done by `zenoh_pinned` and `zenoh_pinned_node::pubsub`.
//!
//! Who may write what: each object behind a handle is a value of those crates, which any thread may use; a slot is the
//! exception, and is lent to one call at a time.
//!
//! Locks: one mutex for each kind of handle, held while a number is looked up; nothing is dropped and nobody is waited for
//! under it. A slot has a lock of its own, which nobody waits for.
//!
//! Invariants:
//! - No panic crosses: it becomes a status. No call is made in a forked child, and none of these locks is touched there.
//! - A handle is a number, never an address: whatever C passes, nothing is read through it.
//! - An object lives until the last call that uses it has ended, whoever closes its handle meanwhile.
//! - Errors are said in C's words.
//!
//! Knowingly weak: pointers that C passes for data, texts and places cannot be checked. A process made by the system call
//! itself, past `fork()` of the C library, is not noticed here, only by the crates below.

mod arguments;
mod device_buffer;
mod device_copy;
mod failure;
mod frame;
mod guard;
mod handles;
mod last_error;
mod library;
mod listener;
mod memory;
mod path;
mod pinner;
mod process;
mod publisher;
mod session;
mod slot;
mod status;
mod subscriber;
mod text;
mod words;
