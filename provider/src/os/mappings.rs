//! Which files this process has mapped, and where: shared mappings alone. What is mapped privately is the process's own as
//! soon as it is written, and says nothing about the file: a program's data and what follows it are such.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    os::fd::AsFd,
    sync::OnceLock,
};

use super::{file::Identity, per_process::PerProcess, proc};

const MAPS: &str = "self/maps";

/// A file mapping of this process, as the kernel tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMapping {
    /// Its first address.
    pub start: usize,
    /// The address behind its last one.
    pub end: usize,
    /// Where in the file `start` lies, in bytes.
    pub offset: u64,
    /// The file.
    pub identity: Identity,
}

/// Where bytes lie, as far as files are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// They begin in no file.
    NoFile,
    /// All of them are one run of this file, from this offset on.
    Inside { identity: Identity, offset: usize },
    /// They begin in a file, and not all of them are mapped from there.
    Beyond,
}

impl FileMapping {
    /// Whether `other` shows what follows in the same file: the kernel splits a mapping where a part of it gets another
    /// protection or memory policy (`mprotect`, `mbind`).
    fn continues_as(&self, other: &Self) -> bool {
        let bytes = (self.end - self.start) as u64;
        self.identity == other.identity
            && self.end == other.start
            && self.offset.checked_add(bytes) == Some(other.offset)
    }

    /// The offset in the file of `address`, where all of its `bytes` lie in the mapping.
    pub fn offset_of(&self, address: usize, bytes: usize) -> Option<usize> {
        let end = address.checked_add(bytes)?;
        if address < self.start || end > self.end {
            return None;
        }
        usize::try_from(self.offset)
            .ok()?
            .checked_add(address - self.start)
    }
}

/// Where these bytes lie.
///
/// # Errors
/// As [`FileMappings::now`].
pub(crate) fn placement_of(address: usize, bytes: usize) -> io::Result<Placement> {
    Ok(FileMappings::now()?.placement_of(address, bytes))
}

/// The file mappings of this process, for some look-ups in a row: each asked of the kernel in one call
/// where it can tell (Linux 6.11), else found in one reading of `/proc/self/maps`.
pub(crate) enum FileMappings {
    Kernel(&'static File),
    Listed(Vec<FileMapping>),
}

impl FileMappings {
    /// Opens what look-ups need on kernels that can tell, while a descriptor is left.
    pub(crate) fn prepare() {
        let _ = Self::now();
    }

    /// # Errors
    /// `/proc` is not mounted, or no descriptor is left to open it with.
    pub(crate) fn now() -> io::Result<Self> {
        /// Opened once, so that a look-up needs no descriptor; a forked child's would show its parent.
        static OPENED: PerProcess<OnceLock<File>> = PerProcess::new(OnceLock::new);
        let opened = OPENED.of_this_process();
        if opened.get().is_none() {
            let _ = opened.set(proc::open(MAPS)?);
        }
        if let Some(maps) = opened.get()
            && query::is_known(maps.as_fd())
        {
            return Ok(Self::Kernel(maps));
        }
        let listing = BufReader::new(proc::open(MAPS)?);
        Ok(Self::Listed(listed(listing).collect()))
    }

    /// Where these bytes lie.
    pub(crate) fn placement_of(&self, address: usize, bytes: usize) -> Placement {
        let Some(mut last) = self.at(address) else {
            return Placement::NoFile;
        };
        let begin = last.offset_of(address, 0);
        let (Some(offset), Some(end)) = (begin, address.checked_add(bytes)) else {
            return Placement::Beyond;
        };
        while last.end < end {
            match self.at(last.end) {
                Some(next) if last.continues_as(&next) => last = next,
                _ => return Placement::Beyond,
            }
        }
        Placement::Inside {
            identity: last.identity,
            offset,
        }
    }

    /// The file mapping at `address`.
    fn at(&self, address: usize) -> Option<FileMapping> {
        match self {
            Self::Kernel(maps) => query::mapping_at(maps.as_fd(), address).ok().flatten(),
            Self::Listed(mappings) => mappings
                .iter()
                .copied()
                .find(|mapping| (mapping.start..mapping.end).contains(&address)),
        }
    }
}

/// The id of the zenoh segment that is mapped at `address`, by the name of its file.
pub(crate) fn segment_at(address: usize) -> Option<u32> {
    segment_listed_at(BufReader::new(proc::open(MAPS).ok()?), address)
}

/// The id of the zenoh segment that is mapped at `address`, in a listing as `/proc/<pid>/maps` shows it.
pub fn segment_listed_at(listing: impl BufRead, address: usize) -> Option<u32> {
    let line = lines(listing).find(|line| {
        parse_line(line).is_some_and(|mapping| (mapping.start..mapping.end).contains(&address))
    })?;
    super::file::segment_named(&line[line.find(super::file::DIRECTORY)?..])
}

/// The file mappings of this process.
///
/// # Errors
/// As [`FileMappings::now`].
pub(crate) fn file_mappings() -> io::Result<impl Iterator<Item = FileMapping>> {
    Ok(listed(BufReader::new(proc::open(MAPS)?)))
}

/// The file mappings in a listing as `/proc/<pid>/maps` shows it.
pub fn listed(listing: impl BufRead) -> impl Iterator<Item = FileMapping> {
    lines(listing).filter_map(|line| parse_line(&line))
}

/// The names of files are any bytes, and a line with one that is not UTF-8 must not hide those after it.
fn lines(listing: impl BufRead) -> impl Iterator<Item = String> {
    let lines = listing.split(b'\n').map_while(Result::ok);
    lines.map(|line| String::from_utf8_lossy(&line).into_owned())
}

/// One line of `/proc/<pid>/maps` that is about a file that is mapped shared; see proc_pid_maps(5).
fn parse_line(line: &str) -> Option<FileMapping> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    if !fields.next()?.ends_with('s') {
        return None;
    }
    let offset = u64::from_str_radix(fields.next()?, 16).ok()?;
    let (major, minor) = fields.next()?.split_once(':')?;
    let inode = fields.next()?.parse().ok()?;
    if inode == 0 {
        return None;
    }
    let major = u32::from_str_radix(major, 16).ok()?;
    let minor = u32::from_str_radix(minor, 16).ok()?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    (start < end).then_some(FileMapping {
        start,
        end,
        offset,
        identity: Identity {
            device: rustix::fs::makedev(major, minor),
            inode,
        },
    })
}

mod query {
    //! PROCMAP_QUERY, an ioctl on `/proc/<pid>/maps` (linux/fs.h).

    use std::{os::fd::BorrowedFd, sync::OnceLock};

    use rustix::{
        io::Errno,
        ioctl::{self, Updater, opcode},
    };

    use super::{FileMapping, Identity};

    #[repr(C)]
    #[derive(Default)]
    struct ProcmapQuery {
        size: u64,
        query_flags: u64,
        query_addr: u64,
        vma_start: u64,
        vma_end: u64,
        vma_flags: u64,
        vma_page_size: u64,
        vma_offset: u64,
        inode: u64,
        dev_major: u32,
        dev_minor: u32,
        vma_name_size: u32,
        build_id_size: u32,
        vma_name_addr: u64,
        build_id_addr: u64,
    }

    /// PROCMAP_QUERY_VMA_SHARED.
    const SHARED: u64 = 8;
    const OPCODE: ioctl::Opcode = opcode::read_write::<ProcmapQuery>(b'f', 17);

    /// Whether the kernel knows the call, found out once: for a forked child that is as true.
    pub(super) fn is_known(maps: BorrowedFd<'_>) -> bool {
        static KNOWN: OnceLock<bool> = OnceLock::new();
        *KNOWN.get_or_init(|| mapping_at(maps, 0).is_ok())
    }

    /// `Err` where the kernel does not know the call; `Ok(None)` where no file is mapped there.
    pub(super) fn mapping_at(
        maps: BorrowedFd<'_>,
        address: usize,
    ) -> Result<Option<FileMapping>, Errno> {
        let mut query = ProcmapQuery {
            size: size_of::<ProcmapQuery>() as u64,
            query_addr: address as u64,
            ..ProcmapQuery::default()
        };
        // SAFETY: the opcode reads and writes exactly this structure, whose size is in its first
        // field; no name or build-id buffer is given, so nothing else is written.
        let outcome = unsafe { ioctl::ioctl(maps, Updater::<OPCODE, _>::new(&mut query)) };
        match outcome {
            Ok(()) if query.inode == 0 || query.vma_flags & SHARED == 0 => Ok(None),
            Ok(()) => Ok(Some(FileMapping {
                start: query.vma_start as usize,
                end: query.vma_end as usize,
                offset: query.vma_offset,
                identity: Identity {
                    device: rustix::fs::makedev(query.dev_major, query.dev_minor),
                    inode: query.inode,
                },
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::{file, memory::MappedRange};

    /// As the kernel tells them, and as it lists them.
    fn both() -> [FileMappings; 2] {
        let listed = FileMappings::Listed(file_mappings().unwrap().collect());
        [FileMappings::now().unwrap(), listed]
    }

    #[test]
    fn a_line_of_the_maps_listing_gives_range_offset_and_identity() {
        let line = "7f10a000-7f10c000 rw-s 00001000 00:1a 42   /dev/shm/7.zenoh";
        let mapping = parse_line(line).unwrap();
        assert_eq!((mapping.start, mapping.end), (0x7f10_a000, 0x7f10_c000));
        assert_eq!((mapping.offset, mapping.identity.inode), (4096, 42));
        assert_eq!(
            parse_line("00400000-00401000 rw-p 00000000 00:00 0 [heap]"),
            None
        );
        assert_eq!(parse_line("nonsense"), None);
    }

    #[test]
    fn the_kernel_and_the_listing_agree_about_a_mapped_segment() {
        let file = file::create_unnamed().unwrap();
        file::reserve(&file, 0, 8192).unwrap();
        let range = MappedRange::of_file(&file, 8192).unwrap();
        let address = range.base().as_ptr() as usize + 100;
        let (identity, _) = file::inspect(&file).unwrap();
        for mappings in both() {
            let offset = 100;
            let inside = Placement::Inside { identity, offset };
            assert_eq!(mappings.placement_of(address, 1), inside);
            assert_eq!(mappings.placement_of(address, 8092), inside);
            assert_eq!(mappings.placement_of(address, 8093), Placement::Beyond);
            assert_eq!(
                mappings.placement_of(address, usize::MAX),
                Placement::Beyond
            );
            assert_eq!(mappings.placement_of(0, 1), Placement::NoFile);
        }
    }

    #[test]
    fn what_is_mapped_privately_is_in_no_file_also_where_other_memory_follows() {
        use rustix::mm::{MapFlags, ProtFlags, mmap};

        let file = file::create_unnamed().unwrap();
        let page = crate::os::page_bytes();
        file::reserve(&file, 0, page as u64).unwrap();
        let range = MappedRange::anonymous(2 * page).unwrap();
        let first = range.base().as_ptr();
        // SAFETY: in place of the first page of the mapping made above, which nobody uses; the range unmaps both.
        unsafe {
            let flags = MapFlags::PRIVATE | MapFlags::FIXED;
            mmap(first.cast(), page, ProtFlags::READ, flags, &file, 0).unwrap();
        }
        for mappings in both() {
            let address = first as usize + 10;
            assert_eq!(mappings.placement_of(address, page), Placement::NoFile);
        }
    }

    #[test]
    fn a_mapping_that_the_kernel_has_split_is_still_one_run_of_its_file() {
        let file = file::create_unnamed().unwrap();
        let page = crate::os::page_bytes();
        file::reserve(&file, 0, 4 * page as u64).unwrap();
        let range = MappedRange::of_file(&file, 4 * page).unwrap();
        let base = range.base().as_ptr();
        // SAFETY: one page of the mapping made above, which nobody writes.
        unsafe {
            let second = base.add(page).cast();
            rustix::mm::mprotect(second, page, rustix::mm::MprotectFlags::READ).unwrap();
        }
        let (identity, _) = file::inspect(&file).unwrap();
        for mappings in both() {
            let offset = 10;
            let inside = Placement::Inside { identity, offset };
            let address = base as usize + offset;
            assert_eq!(mappings.placement_of(address, 3 * page), inside);
            assert_eq!(mappings.placement_of(address, 4 * page), Placement::Beyond);
            let last = mappings.at(base as usize).unwrap();
            assert_eq!(last.end, base as usize + page, "it is split");
        }
    }

    #[test]
    fn mappings_beside_each_other_are_one_run_only_where_the_file_goes_on() {
        let identity = Identity {
            device: 1,
            inode: 2,
        };
        let mapping = |start, offset| FileMapping {
            start,
            end: start + 4096,
            offset,
            identity,
        };
        let first = mapping(4096, 0);
        assert!(first.continues_as(&mapping(8192, 4096)));
        assert!(
            !first.continues_as(&mapping(8192, 0)),
            "the same page again"
        );
        assert!(!first.continues_as(&mapping(12288, 4096)), "a hole between");
        let other = FileMapping {
            identity: Identity {
                inode: 3,
                ..identity
            },
            ..mapping(8192, 4096)
        };
        assert!(!first.continues_as(&other));
    }

    #[test]
    fn a_file_whose_name_is_not_utf8_hides_no_mapping_after_it() {
        let listing =
            b"1000-2000 r--s 0 00:1a 7 /tmp/\xff\xfe\n3000-4000 rw-s 0 00:1a 42 /dev/shm/9.zenoh\n";
        assert_eq!(listed(&listing[..]).count(), 2);
        assert_eq!(segment_listed_at(&listing[..], 0x3800), Some(9));
    }
}
