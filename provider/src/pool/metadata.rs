//! zenoh's own metadata segment, made when the first pool is built: then a failure can still be returned.
//!
//! zenoh 1.10 makes it at the first allocation of a process, and panics where it cannot: without room in
//! `/dev/shm` or without a descriptor. So both are checked first.
//!
//! Knowingly weak: another process can take the room in between. The panic is caught, and the pool refused;
//! zenoh has no shared memory in this process from then on.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

use crate::{
    availability::ZENOH_METADATA_BYTES,
    budget,
    os::{self, file, limits, per_process::PerProcess},
    reclaim,
    segment::{SegmentError, check_space},
};

/// The metadata segment, and a few more for what else happens.
const DESCRIPTORS: usize = 4;

/// Makes zenoh make its metadata, once.
///
/// # Errors
/// There is no room for it, or no descriptor.
pub(super) fn make() -> Result<(), SegmentError> {
    static MADE: PerProcess<Mutex<bool>> = PerProcess::new(Mutex::default);
    let mut made = MADE.lock();
    if *made {
        return Ok(());
    }
    if !limits::are_descriptors_left(DESCRIPTORS) {
        return Err(SegmentError::TooManyOpenFiles {
            action: "make zenoh's metadata for",
            limit: limits::open_files_limit(),
        });
    }
    if let Some(total_files) = file::files_used_up() {
        return Err(SegmentError::NoFiles { total_files });
    }
    // And one page more.
    let needed_bytes = (ZENOH_METADATA_BYTES + os::page_bytes()) as u64;
    check_space(needed_bytes)?;
    budget::check_cgroup(needed_bytes)?;
    if catch_unwind(AssertUnwindSafe(reclaim::make_metadata)).is_err() {
        return Err(SegmentError::System {
            action: "make zenoh's metadata for",
            error: std::io::Error::other("zenoh panicked"),
        });
    }
    *made = true;
    Ok(())
}
