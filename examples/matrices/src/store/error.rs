//! Why a store is not made, read or written.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// Why a store is not made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room on the device, or the user's share of it is used up.
    #[error("No room is left for {}. Free some, or take another --output-dir.", path.display())]
    DiskFull {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This user may not write there, or nobody may.
    #[error("{} may not be written: {source}. Take an --output-dir that this user may write to.", path.display())]
    ReadOnly {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused to write for another reason.
    #[error("{} cannot be written: {source}. Check the device and the path, or take another --output-dir.", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused to read.
    #[error("{} cannot be read: {source}. Name a folder that this user may read.", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder for a new store has an earlier one in it.
    #[error("{} has a store in it already. Take --overwrite to replace it, or another --output-dir.", folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder for a new store has something else in it.
    #[error("{} has {name} in it and is no store of this program, so it is left alone, even with --overwrite. Take another --output-dir.", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// One of the things in it.
        name: String,
    },
    /// The folder is not what this program makes.
    #[error("{} is no store of this program: it has no zarr.json that says so. Name the --output-dir of an earlier run.", folder.display())]
    NotAStore {
        /// The folder.
        folder: PathBuf,
    },
    /// The metadata does not describe an array of matrices.
    #[error("The metadata in {} is damaged: {source}. Run again with --overwrite.", path.display())]
    Metadata {
        /// The folder of the group or array.
        path: PathBuf,
        /// What zarrs or the parser said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A number beyond those that were announced.
    #[error(
        "Matrix {number} is beyond the {count} of this store. Store a number below, or create the store without a count."
    )]
    Beyond {
        /// What was to be stored.
        number: u64,
        /// How many the store was made for.
        count: u64,
    },
    /// zarrs takes only paths that are text.
    #[error("The name of {} is not UTF-8. Take another --output-dir.", folder.display())]
    NameIsNotText {
        /// The folder.
        folder: PathBuf,
    },
}

impl StoreError {
    /// What a failed attempt to write `path` means.
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        let path = path.into();
        match Errno::from_io_error(&source) {
            Some(Errno::NOSPC | Errno::DQUOT) => Self::DiskFull { path, source },
            Some(Errno::ROFS | Errno::ACCESS | Errno::PERM) => Self::ReadOnly { path, source },
            _ => Self::Write { path, source },
        }
    }

    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.into(),
            source,
        }
    }

    pub(super) fn metadata(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Metadata {
            path: path.into(),
            source: source.into(),
        }
    }
}
