//! The operating system, for this crate: what a process is given before its program begins, and the folder of a socket.
//!
//! Bottom floor. Everything unsafe of the crate is here, but for the slots that are lent for answers (`serving/answer_slot`).

pub(crate) mod folder;
pub(crate) mod placement;
pub(crate) mod spawning;

/// A number that nobody else has, as good as certainly.
pub(crate) fn random_number() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // Keys of the standard library's hasher are the kernel's random numbers.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
