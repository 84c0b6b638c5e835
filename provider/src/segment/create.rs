//! Making a segment: no name before it is locked, full size and described.

use std::sync::Arc;

use rustix::io::Errno;

use super::{Segment, SegmentHeader, layout::SegmentLayout, registry};
use crate::os::{self, file, limits, memory::MappedRange, process::MadeHere};

/// How often a random id may already be taken before something else must be wrong.
const NAME_ATTEMPTS: usize = 100;

/// Why a segment could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// The file system below `/dev/shm` has no room. Nothing was kept.
    #[error(
        "/dev/shm has {} free of {}, the pool needs {} more: raise its size \
         (docker run --shm-size, or mount -o remount,size=) or lower the pool's slots",
        Mebibytes(*.free_bytes), Mebibytes(*.total_bytes), Mebibytes(*.needed_bytes)
    )]
    NoSpace {
        /// Bytes of the segment that did not fit.
        needed_bytes: u64,
        /// Bytes free below `/dev/shm` at that moment.
        free_bytes: u64,
        /// Bytes that `/dev/shm` can hold at all.
        total_bytes: u64,
    },
    /// This process has as many files open as it may have. Each segment needs a descriptor.
    #[error(
        "cannot {action} a segment: this process may have {limit} files open and has them; raise RLIMIT_NOFILE \
         (ulimit -n, docker run --ulimit nofile=) or make fewer pools"
    )]
    TooManyOpenFiles {
        /// What was being done.
        action: &'static str,
        /// The soft RLIMIT_NOFILE; the machine's own limit may be lower.
        limit: u64,
    },
    /// A system call failed.
    #[error(
        "cannot {action} a segment in /dev/shm: {error}; is it mounted, and writable for this user?"
    )]
    System {
        /// What was being done.
        action: &'static str,
        /// What the kernel said.
        error: std::io::Error,
    },
    /// No free name was found, which does not happen by chance.
    #[error(
        "no free name among {NAME_ATTEMPTS} random ones in /dev/shm: it holds far too many segments; remove stale *.zenoh files"
    )]
    NoFreeName,
}

struct Mebibytes(u64);

impl std::fmt::Display for Mebibytes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:.1} MiB", self.0 as f64 / f64::from(1 << 20))
    }
}

impl Segment {
    /// Makes a segment for `layout`, with its pages reserved and present, and gives it a name.
    pub(crate) fn create(
        pool_name: &str,
        layout: SegmentLayout,
    ) -> Result<Arc<Self>, SegmentError> {
        let bytes = layout.total_bytes();
        let file = file::create_unnamed().map_err(|error| system("create", error))?;
        file::reserve(&file, bytes as u64).map_err(|error| no_space_or(error, bytes as u64))?;
        let (identity, _) = file::inspect(&file).map_err(|error| system("inspect", error))?;
        let range = MappedRange::of_file(&file, bytes).map_err(|error| system("map", error))?;
        range.prefer_huge_pages();
        range.populate();

        let pid = std::process::id();
        let header = SegmentHeader {
            pool_name: SegmentHeader::fitting_name(pool_name).to_owned(),
            layout,
            producer_pid: pid,
            producer_start: os::process::start_time(pid).unwrap_or(0),
        };
        // SAFETY: the mapping is writable, page-aligned, at least one page, and its file has no name.
        unsafe { header.write(range.base()) };

        let id = publish(&file)?;
        tracing::debug!(id, bytes, pool = pool_name, "segment created");
        let segment = Self {
            id,
            range,
            file,
            identity,
            header: Some(header),
            made_here: MadeHere::now(),
        };
        Ok(registry::share(segment))
    }
}

fn publish(file: &std::os::fd::OwnedFd) -> Result<u32, SegmentError> {
    for _ in 0..NAME_ATTEMPTS {
        let id = random_id()?;
        match file::publish(file, id) {
            Ok(()) => return Ok(id),
            Err(Errno::EXIST) => continue,
            Err(error) => return Err(system("name", error)),
        }
    }
    Err(SegmentError::NoFreeName)
}

fn random_id() -> Result<u32, SegmentError> {
    let mut bytes = [0; 4];
    rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())
        .map_err(|error| system("choose a name for", error))?;
    Ok(u32::from_ne_bytes(bytes))
}

fn system(action: &'static str, error: Errno) -> SegmentError {
    if limits::is_out_of_descriptors(error) {
        let limit = limits::open_files_limit().unwrap_or(u64::MAX);
        return SegmentError::TooManyOpenFiles { action, limit };
    }
    SegmentError::System {
        action,
        error: error.into(),
    }
}

fn no_space_or(error: Errno, needed_bytes: u64) -> SegmentError {
    match (error, file::space()) {
        (Errno::NOSPC, Some((free_bytes, total_bytes))) => SegmentError::NoSpace {
            needed_bytes,
            free_bytes,
            total_bytes,
        },
        _ => system("reserve pages for", error),
    }
}
