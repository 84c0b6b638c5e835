//! The segments of this process, by file: each is mapped once by this library, made here or attached.
//!
//! A frame may lie in a mapping that a pool of this process made, and that cannot be attached a second
//! time by the name that the kernel shows for it: the file had none when it was mapped.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use super::Segment;
use crate::os::{self, file::Identity, per_process::PerProcess};

static SEGMENTS: PerProcess<Mutex<HashMap<Identity, Weak<Segment>>>> =
    PerProcess::new(Mutex::default);

/// Shares a segment and remembers it; the first mapping of a file stays the one that is found.
pub(super) fn share(segment: Segment) -> Arc<Segment> {
    os::exit::unlink_segments_at_exit();
    let segment = Arc::new(segment);
    let mut segments = SEGMENTS.lock();
    let known = segments
        .get(&segment.identity())
        .is_some_and(|known| known.strong_count() > 0);
    if !known {
        segments.insert(segment.identity(), Arc::downgrade(&segment));
    }
    segment
}

/// The mapping of this file, where this process has one.
pub(crate) fn find(identity: Identity) -> Option<Arc<Segment>> {
    SEGMENTS.lock().get(&identity)?.upgrade()
}

/// Forgets a mapping that goes.
pub(super) fn forget(segment: &Segment) {
    let mut segments = SEGMENTS.lock();
    let gone = segments
        .get(&segment.identity())
        .is_some_and(|known| known.strong_count() == 0);
    if gone {
        segments.remove(&segment.identity());
    }
}
