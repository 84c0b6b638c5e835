//! Attaching a segment that another process made: checked, shared-locked, mapped, nothing locked in RAM.

use std::sync::{Arc, atomic::AtomicBool};

use super::{
    Segment, SegmentHeader,
    layout::{MAX_SEGMENT_BYTES, SegmentLayout},
    registry,
};
use crate::os::{
    self, Errno,
    file::{self, Access},
    limits,
    memory::MappedRange,
    per_process::MadeHere,
};

/// Why a segment could not be attached. zenoh drops the message that named it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// There is no such file, or this user may not open it.
    #[error(
        "segment {id} cannot be opened: {error}; its producer has gone, or runs as another user"
    )]
    Open {
        /// zenoh's segment id.
        id: u32,
        /// What the kernel said.
        error: std::io::Error,
    },
    /// This process has as many files open as it may have. Each segment needs a descriptor.
    #[error(
        "segment {id} cannot be opened: this process may have {limit} files open and has them; raise RLIMIT_NOFILE \
         (ulimit -n, docker run --ulimit nofile=)"
    )]
    TooManyOpenFiles {
        /// zenoh's segment id.
        id: u32,
        /// The soft RLIMIT_NOFILE; the machine's own limit may be lower.
        limit: u64,
    },
    /// A cleaner holds the exclusive lock: the producer is dead and the file is about to be unlinked.
    #[error("segment {id} is being removed: its producer has ended")]
    Removed {
        /// zenoh's segment id.
        id: u32,
    },
    /// Other users may open the file, or it is theirs: they could change or truncate it under this process.
    #[error(
        "segment {id} belongs to user {owner} with mode {mode:o}: only segments of this user with mode 600 are \
         attached; run both processes as one user"
    )]
    NotPrivate {
        /// zenoh's segment id.
        id: u32,
        /// The file's owner.
        owner: u32,
        /// The file's permission bits.
        mode: u32,
    },
    /// The file is empty, not a regular file, or larger than a chunk id can reach.
    #[error("segment {id} is not a zenoh segment: {bytes} bytes; 1 byte to 4 GiB were expected")]
    Malformed {
        /// zenoh's segment id.
        id: u32,
        /// The file's size in bytes.
        bytes: u64,
    },
    /// The kernel did not map it.
    #[error(
        "segment {id} of {bytes} bytes cannot be mapped: {error}; check the address space limit (ulimit -v)"
    )]
    Map {
        /// zenoh's segment id.
        id: u32,
        /// The file's size in bytes.
        bytes: u64,
        /// What the kernel said.
        error: std::io::Error,
    },
}

impl Segment {
    /// Attaches the segment `id` as zenoh does, but without locking its pages, and read-only where it is sealed.
    pub(crate) fn attach(id: u32) -> Result<Arc<Self>, AttachError> {
        let segment = Self::attach_writable(id)?;
        if segment.is_sealed() {
            let protected = segment.range.protect_from(SegmentLayout::header_bytes());
            if let Err(error) = protected {
                tracing::debug!(%error, id, "slots that nobody writes any more stay writable here");
            }
        }
        Ok(segment)
    }

    /// As [`Segment::attach`], and writable in any case, for a driver that pins no other memory.
    pub(crate) fn attach_writable(id: u32) -> Result<Arc<Self>, AttachError> {
        let open_error = |error: Errno| match limits::is_out_of_descriptors(error) {
            true => AttachError::TooManyOpenFiles {
                id,
                limit: limits::open_files_limit(),
            },
            false => AttachError::Open {
                id,
                error: error.into(),
            },
        };
        let file = file::open(id).map_err(open_error)?;
        let (identity, _) = file::inspect(&file).map_err(open_error)?;
        file::lock_shared(&file).map_err(|_| AttachError::Removed { id })?;
        let (_, bytes) = file::inspect(&file).map_err(open_error)?;
        let access = Access::of(&file).map_err(open_error)?;
        if !access.is_of_this_user_alone() {
            let Access { owner, mode } = access;
            return Err(AttachError::NotPrivate { id, owner, mode });
        }
        if bytes == 0 || bytes > MAX_SEGMENT_BYTES {
            return Err(AttachError::Malformed { id, bytes });
        }
        let length = usize::try_from(bytes).map_err(|_| AttachError::Malformed { id, bytes })?;
        let range = MappedRange::of_file(&file, length).map_err(|error| AttachError::Map {
            id,
            bytes,
            error: error.into(),
        })?;
        let header = if length >= os::page_bytes() {
            // SAFETY: the mapping is page-aligned, readable and at least one page long.
            unsafe { SegmentHeader::read(range.base(), length) }
        } else {
            None
        };
        tracing::debug!(id, bytes, ours = header.is_some(), "segment attached");
        Ok(registry::share(Self {
            id,
            range,
            file,
            identity,
            is_sealed: AtomicBool::new(header.as_ref().is_some_and(|header| header.is_sealed)),
            header,
            uses: registry::find(identity).and_then(|known| known.uses.clone()),
            made_here: MadeHere::now(),
        }))
    }
}
