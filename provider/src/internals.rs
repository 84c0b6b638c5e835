//! What reads foreign bytes, for this repository's fuzzing. Not covered by semver.

pub use crate::{
    os::{
        file::Identity,
        locks::parse_line as parse_lock,
        page_bytes,
        process::{FileMapping, listed, segment_listed_at, start_time_in},
    },
    segment::{
        header::{SegmentHeader, release_words},
        layout::SegmentLayout,
    },
};
