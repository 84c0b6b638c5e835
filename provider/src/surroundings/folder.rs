//! What `/dev/shm` is.

use crate::os::{file, mounts};

/// The folder that zenoh's segments lie in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedMemoryFolder {
    /// Its permission bits; `None` where there is no such folder.
    pub mode: Option<u32>,
    /// The kind of file system that is mounted there, such as `tmpfs`; `None` where none is, or `/proc` does not show it.
    pub file_system: Option<String>,
    /// Free and total bytes; `None` where the kernel does not tell.
    pub space: Option<(u64, u64)>,
    /// Free and total files; `None` where they are not counted.
    pub files: Option<(u64, u64)>,
    /// Why no segment can be made there, however much room is made; `None` where one can be.
    pub no_segments: Option<String>,
}

impl SharedMemoryFolder {
    pub(super) fn now() -> Self {
        let mode = file::mode();
        Self {
            mode,
            file_system: mounts::mounted_at(file::DIRECTORY).map(|mount| mount.kind),
            space: mode.and_then(|_| file::space()),
            files: mode.and_then(|_| file::number_of_files()),
            no_segments: file::why_none_can_be_made(),
        }
    }
}
