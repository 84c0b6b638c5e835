//! What reads foreign bytes, for this repository's fuzzing. Not covered by semver.

pub use crate::{
    line::{Answers, ForeignWords, address_again},
    os::{
        file::Identity,
        locks::parse_line as parse_lock,
        mappings::{FileMapping, listed, segment_listed_at},
        page_bytes,
        process::start_time_in,
    },
    segment::{
        header::{SegmentHeader, release_words},
        layout::SegmentLayout,
    },
};
