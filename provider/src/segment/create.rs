//! Making a segment: no name before it is locked, full size and described.

use std::{
    os::fd::OwnedFd,
    sync::{Arc, atomic::AtomicBool},
};

use super::{Segment, SegmentHeader, layout::SegmentLayout, registry, uses::Uses};
use crate::{
    budget::{self, CGROUP_PIECE_BYTES, OverCgroup, Readable, Refused},
    os::{self, Errno, file, limits, memory::MappedRange, per_process::MadeHere},
    reason::BudgetScope,
};

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
        Readable(*.free_bytes), Readable(*.total_bytes), Readable(*.needed_bytes)
    )]
    NoSpace {
        /// Bytes of the segment that did not fit.
        needed_bytes: u64,
        /// Bytes free below `/dev/shm` at that moment.
        free_bytes: u64,
        /// Bytes that `/dev/shm` can hold at all.
        total_bytes: u64,
    },
    /// The file system below `/dev/shm` has room, and takes no further file. Nothing was kept.
    #[error(
        "/dev/shm has all of the {total_files} files that it takes, and a segment is one: remove what is not needed there, \
         or raise their number (mount -o remount,nr_inodes=)"
    )]
    NoFiles {
        /// How many files `/dev/shm` takes at all.
        total_files: u64,
    },
    /// All processes of this user on this host would have more than they may. Nothing was kept.
    #[error(
        "a segment of {} would exceed what all processes of this user on this host may have, {} ({users}): {}, \
         or lower slots() of the pools", Readable(*.needed_bytes), Readable(*.limit_bytes), BudgetScope::Host.remedy()
    )]
    OverHostBudget {
        /// Bytes of the segment.
        needed_bytes: u64,
        /// Bytes of all segments and staging slots on this host.
        used_bytes: u64,
        /// The limit in bytes, see `max_host_bytes()` of the pool's builder.
        limit_bytes: u64,
        /// Who uses how much, in words.
        users: String,
    },
    /// A memory cgroup above this process has no room: its pages would have the kernel kill somebody in it. Nothing
    /// was kept.
    #[error(
        "a segment of {} would exceed the memory cgroup {cgroup}, which may have {} and uses {} (page cache that it can \
         drop not counted): raise its limit (docker run --memory, systemd MemoryMax=) or lower slots() of the pools",
        Readable(*.needed_bytes), Readable(*.limit_bytes), Readable(*.used_bytes)
    )]
    OverCgroup {
        /// The folder of the cgroup.
        cgroup: String,
        /// Bytes that the segment still needed.
        needed_bytes: u64,
        /// Bytes that the cgroup has, without page cache that was not used lately.
        used_bytes: u64,
        /// Its limit in bytes.
        limit_bytes: u64,
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
        "cannot {action} a segment in /dev/shm: {error}; is it mounted, and writable for this user, and is /proc mounted?"
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

impl From<Refused> for SegmentError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Over(refusal) => Self::OverHostBudget {
                needed_bytes: refusal.needed_bytes,
                used_bytes: refusal.used_bytes,
                limit_bytes: refusal.limit_bytes,
                users: refusal.users,
            },
            Refused::OverCgroup(refusal) => refusal.into(),
            Refused::Unaccounted(error) => {
                no_space_or(error, "account for", os::page_bytes() as u64)
            }
        }
    }
}

impl From<OverCgroup> for SegmentError {
    fn from(refusal: OverCgroup) -> Self {
        Self::OverCgroup {
            cgroup: refusal.cgroup,
            needed_bytes: refusal.needed_bytes,
            used_bytes: refusal.used_bytes,
            limit_bytes: refusal.limit_bytes,
        }
    }
}

impl Segment {
    /// Makes a segment for `layout`, with its pages reserved and present, and gives it a name.
    pub(crate) fn create(
        pool_name: &str,
        layout: SegmentLayout,
    ) -> Result<Arc<Self>, SegmentError> {
        let bytes = layout.total_bytes();
        // The kernel would say no as well, but only after it has filled what is left.
        check_space(bytes as u64)?;
        let file = file::create_unnamed().map_err(|error| system("create", error))?;
        reserve(&file, bytes as u64)?;
        let (identity, _) = file::inspect(&file).map_err(|error| system("inspect", error))?;
        let range = MappedRange::of_file(&file, bytes).map_err(|error| system("map", error))?;
        range.prefer_huge_pages();
        // Its pages were reserved, and it has no name yet: nobody can have taken one away.
        let _ = range.populate();

        let pid = std::process::id();
        let header = SegmentHeader {
            pool_name: SegmentHeader::fitting_name(pool_name).to_owned(),
            layout,
            producer_pid: pid,
            producer_start: os::process::start_time(pid).unwrap_or(0),
            is_sealed: false,
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
            uses: Some(Uses::of(layout)),
            header: Some(header),
            is_sealed: AtomicBool::new(false),
            made_here: MadeHere::now(),
        };
        Ok(registry::share(segment))
    }
}

/// Whether `/dev/shm` has room for this many bytes more.
///
/// # Errors
/// [`SegmentError::NoSpace`].
pub(crate) fn check_space(needed_bytes: u64) -> Result<(), SegmentError> {
    match file::space() {
        Some((free_bytes, total_bytes)) if free_bytes < needed_bytes => {
            Err(SegmentError::NoSpace {
                needed_bytes,
                free_bytes,
                total_bytes,
            })
        }
        _ => Ok(()),
    }
}

/// Makes the pages present, while the memory cgroups have room for what is left of them.
fn reserve(file: &OwnedFd, bytes: u64) -> Result<(), SegmentError> {
    let mut from = 0;
    while from < bytes {
        budget::check_cgroup(bytes - from)?;
        let piece = CGROUP_PIECE_BYTES.min(bytes - from);
        file::reserve(file, from, piece)
            .map_err(|error| no_space_or(error, "reserve pages for", bytes))?;
        from += piece;
    }
    Ok(())
}

fn publish(file: &OwnedFd) -> Result<u32, SegmentError> {
    // A name that is given behind the exit handler's back would stay.
    let _before_the_last_look =
        os::exit::enter_naming().ok_or_else(|| system("name", Errno::CANCELED))?;
    for _ in 0..NAME_ATTEMPTS {
        let random = os::random().map_err(|error| system("choose a name for", error))?;
        let id = u32::from_ne_bytes(random);
        match file::publish(file, id) {
            Ok(()) => return Ok(id),
            Err(Errno::EXIST) => continue,
            Err(error) => return Err(system("name", error)),
        }
    }
    Err(SegmentError::NoFreeName)
}

fn system(action: &'static str, error: Errno) -> SegmentError {
    if limits::is_out_of_descriptors(error) {
        let limit = limits::open_files_limit();
        return SegmentError::TooManyOpenFiles { action, limit };
    }
    if error == Errno::NOSPC
        && let Some(total_files) = file::files_used_up()
    {
        return SegmentError::NoFiles { total_files };
    }
    SegmentError::System {
        action,
        error: error.into(),
    }
}

fn no_space_or(error: Errno, action: &'static str, needed_bytes: u64) -> SegmentError {
    match (error, file::space()) {
        (Errno::NOSPC, Some((free_bytes, total_bytes))) if file::files_used_up().is_none() => {
            SegmentError::NoSpace {
                needed_bytes,
                free_bytes,
                total_bytes,
            }
        }
        _ => system(action, error),
    }
}
