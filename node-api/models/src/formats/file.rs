//! An open file of a model, and what parsers read from.
//!
//! A file is opened once: what was checked is what is read, whatever its name comes to mean. Nothing is opened that
//! could block, and only regular files are kept.
//!
//! Knowingly weak: whoever may write to the file can change it under us. [`ModelFile::unchanged`] sees that, but for
//! writes within one tick of the clock, or through a mapping that was not synchronised; so bounds are kept by what
//! was checked, never by reading them again.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags, Stat};

/// How every file is opened. Not to wait: a FIFO without a writer would.
pub(super) const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Bytes that a parser reads at places of its choice.
pub trait ReadAt {
    /// What errors call it.
    fn path(&self) -> &Path;

    /// How many bytes there are.
    fn bytes(&self) -> u64;

    /// Fills `into` from `offset` on.
    ///
    /// # Errors
    /// The system's; `UnexpectedEof` where it ends before.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;
}

/// A file of a model, open for reading.
#[derive(Debug)]
pub struct ModelFile {
    path: PathBuf,
    file: File,
    stamp: Stamp,
}

/// What changes when somebody writes to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(stat: &Stat) -> Self {
        // The system's integers are of other types on other machines.
        #[allow(clippy::unnecessary_cast, reason = "see above")]
        Self {
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }
}

impl ModelFile {
    /// `None` where it is no regular file. `opened` was opened with [`FLAGS`].
    pub(super) fn new(path: PathBuf, opened: OwnedFd) -> io::Result<Option<Self>> {
        let stat = rustix::fs::fstat(&opened)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        Ok(Some(Self {
            path,
            file: opened.into(),
            stamp: Stamp::of(&stat),
        }))
    }

    /// The name under which it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file itself, to read tensors from at their offsets.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its length when it was opened, which every [`Source`](super::Source) keeps to.
    pub fn bytes(&self) -> u64 {
        self.stamp.bytes
    }

    /// Whether nobody has been seen to write to it since it was opened. To be asked once the tensors are read. A new
    /// name, link, owner or mode counts as a change, too: they cannot be told apart from a writer who sets times back.
    ///
    /// # Errors
    /// The system's.
    pub fn unchanged(&self) -> io::Result<bool> {
        Ok(Stamp::of(&rustix::fs::fstat(&self.file)?) == self.stamp)
    }
}

impl ReadAt for ModelFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn bytes(&self) -> u64 {
        self.stamp.bytes
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }
}
