//! Which processors a process runs on.
//!
//! Where two processes meet decides more of a wake-up's time than any library does. So the arms of a comparison have
//! the same placement: *apart*, cameras on the first half of the processors and consumers on the second one, or
//! *free*, as the kernel likes it. dora's arms are compared free: it has a daemon besides, and its default way cannot
//! keep up at 30 Hz where a node has one processor only.

use serde::{Deserialize, Serialize};
use zenoh_pinned_measuring::placement::{self, Half};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    Apart,
    Free,
}

/// Has this thread, and all that it starts from now on, run in its half, where placement is apart.
pub fn place(placement: Placement, half: Half) -> std::io::Result<()> {
    if placement == Placement::Free {
        return Ok(());
    }
    Ok(placement::take_half(half)?)
}
