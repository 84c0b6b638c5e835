//! Shared memory of two kinds of pages, for what is measured about memory itself.

use std::{
    fs,
    os::fd::{AsFd, OwnedFd},
    ptr::NonNull,
};

use rustix::{
    fs::{FallocateFlags, Mode, OFlags},
    io::Errno,
    mm::{Advice, MapFlags, ProtFlags},
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags},
};

/// A folder in memory, where files without a name are made.
pub(crate) struct Folder {
    folder: OwnedFd,
}

impl Folder {
    /// `/dev/shm`, with the pages that its kernel gives by default.
    pub(crate) fn of_shared_memory() -> Result<Self, Errno> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open("/dev/shm", flags, Mode::empty())?;
        Ok(Self { folder })
    }

    /// A tmpfs of huge pages that only this process sees, as it is mounted nowhere. Takes CAP_SYS_ADMIN.
    pub(crate) fn of_huge_pages() -> Result<Self, Errno> {
        let context = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        rustix::mount::fsconfig_set_string(context.as_fd(), "huge", "always")?;
        rustix::mount::fsconfig_create(context.as_fd())?;
        let flags = FsMountFlags::FSMOUNT_CLOEXEC;
        let folder = rustix::mount::fsmount(context.as_fd(), flags, MountAttrFlags::empty())?;
        Ok(Self { folder })
    }

    /// An empty file.
    pub(crate) fn file(&self) -> Result<File, Errno> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&self.folder, ".", flags, mode)?;
        Ok(File { file })
    }
}

pub(crate) struct File {
    file: OwnedFd,
}

impl File {
    /// Has the kernel reserve the pages.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), Errno> {
        rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, bytes as u64)
    }

    pub(crate) fn map(&self, bytes: usize) -> Result<Mapping, Errno> {
        // SAFETY: the kernel chooses an unused range, so no mapping that is there changes.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::NORESERVE,
                &self.file,
                0,
            )
        }?;
        let base = NonNull::new(base.cast()).ok_or(Errno::NOMEM)?;
        Ok(Mapping { base, bytes })
    }
}

/// A mapping of a file that only this process has; unmapped, and with that unlocked, when dropped.
pub(crate) struct Mapping {
    base: NonNull<u8>,
    bytes: usize,
}

impl Mapping {
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Brings every page into the page table of this process, for writing.
    pub(crate) fn touch(&self) -> Result<(), Errno> {
        let advice = Advice::LinuxPopulateWrite;
        // SAFETY: the range is mapped, and the advice leaves its bytes as they are.
        unsafe { rustix::mm::madvise(self.base.as_ptr().cast(), self.bytes, advice) }
    }

    /// Keeps the pages in memory.
    pub(crate) fn lock(&self) -> Result<(), Errno> {
        // SAFETY: the range is mapped, and locking leaves its bytes as they are.
        unsafe { rustix::mm::mlock(self.base.as_ptr().cast(), self.bytes) }
    }

    /// The bytes, all of which have to have been reserved.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: as in `bytes_mut`, and nothing writes there while this value is borrowed.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.bytes) }
    }

    /// The bytes to be written.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: mapped for reading and writing and for that length. The file has no name and its descriptor
        // never leaves this program, so nobody else has it, and it is not truncated.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), self.bytes) }
    }

    /// Whether all of it is mapped by huge pages, as the kernel counts them.
    pub(crate) fn has_huge_pages(&self) -> bool {
        let begin = format!("{:x}-", self.base.as_ptr() as usize);
        let mappings = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
        let mut lines = mappings
            .lines()
            .skip_while(|line| !line.starts_with(&begin));
        let count = lines.find_map(|line| line.strip_prefix("ShmemPmdMapped:"));
        let kibibytes =
            count.and_then(|count| count.trim().trim_end_matches("kB").trim().parse().ok());
        kibibytes.is_some_and(|kibibytes: usize| kibibytes << 10 == self.bytes)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by this value, unmapped once.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}
