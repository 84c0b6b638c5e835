//! Why a region cannot be made, or not be attached.

use crate::os::{Errno, file::DIRECTORY, process_exists};

/// Why a region could not be made or adopted. Nothing was kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The name cannot be one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The mode is none that a region can have.
    #[error(
        "mode {mode:o} is none for a region: its owner reads and writes it, and nobody executes it (0600, 0660, 0666)"
    )]
    Mode {
        /// What was asked for.
        mode: u32,
    },
    /// The region has its writer already.
    #[error(transparent)]
    WriterAlive(#[from] WriterAlive),
    /// The name belongs to a region of another layout that somebody still uses.
    #[error(
        "{DIRECTORY}/{name} is a region of another layout (other records, sizes, numbers of slots, or another version) \
         and is still in use: end the processes that have attached it"
    )]
    OtherLayout {
        /// The region's name.
        name: String,
    },
    /// The name belongs to a file that is no region.
    #[error(
        "{DIRECTORY}/{name} is there and is no region of this library: choose another name, or remove the file"
    )]
    NotARegion {
        /// The region's name.
        name: String,
    },
    /// The region belongs to another user, who could write to it.
    #[error(
        "{DIRECTORY}/{name} belongs to user {owner}, not to this process's: choose another name, or remove the file"
    )]
    OtherOwner {
        /// The region's name.
        name: String,
        /// The user to whom the file belongs.
        owner: u32,
    },
    /// The file system has no room.
    #[error(
        "{DIRECTORY} has {free_bytes} of {total_bytes} bytes free, the region needs {needed_bytes}: raise its size \
         (docker run --shm-size, or mount -o remount,size=)"
    )]
    NoSpace {
        /// Size of the region.
        needed_bytes: u64,
        /// Bytes free in the file system.
        free_bytes: u64,
        /// Bytes that the file system can hold.
        total_bytes: u64,
    },
    /// A system call failed.
    #[error("cannot {action} the region {name} in {DIRECTORY}: {source}")]
    System {
        /// What was being done.
        action: &'static str,
        /// The region's name.
        name: String,
        /// What the kernel said.
        source: std::io::Error,
    },
}

/// Why a region could not be attached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The name cannot be one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no such region.
    #[error("there is no region {name} in {DIRECTORY}: start the process that makes it first")]
    NotThere {
        /// The region's name.
        name: String,
    },
    /// This user may not.
    #[error(
        "this user may not open the region {name}: whoever makes it gives it a mode (0660 with a group that both are in)"
    )]
    NotAllowed {
        /// The region's name.
        name: String,
    },
    /// The region has its writer already.
    #[error(transparent)]
    WriterAlive(#[from] WriterAlive),
    /// The region has another layout.
    #[error(
        "the region {name} has another layout: other records, sizes, numbers of slots, or another version of this \
         library on its other side"
    )]
    OtherLayout {
        /// The region's name.
        name: String,
    },
    /// The name belongs to a file that is no region.
    #[error("{DIRECTORY}/{name} is no region of this library")]
    NotARegion {
        /// The region's name.
        name: String,
    },
    /// A system call failed.
    #[error("cannot {action} the region {name} in {DIRECTORY}: {source}")]
    System {
        /// What was being done.
        action: &'static str,
        /// The region's name.
        name: String,
        /// What the kernel said.
        source: std::io::Error,
    },
}

/// A region has one writer of each kind, and this one is there.
#[derive(Debug, thiserror::Error)]
#[error("the region {name} has its writer already, {}", writer_in_words(*.pid))]
pub struct WriterAlive {
    /// The region's name.
    pub name: String,
    /// The process that became the writer last, in the numbers of its own pid namespace.
    pub pid: u32,
}

fn writer_in_words(pid: u32) -> String {
    if process_exists(pid) {
        format!("process {pid}: end it, or let it write")
    } else {
        format!(
            "process {pid}, which has ended, but a process that it forked keeps the region open: end that"
        )
    }
}

/// A region's name is the name of a file.
#[derive(Debug, thiserror::Error)]
#[error(
    "{name:?} cannot be the name of a region: one to 200 bytes, without a slash or a null byte, not beginning with a dot, \
     not ending with .zenoh"
)]
pub struct NameError {
    /// What was asked for.
    pub name: String,
}

/// zenoh's processes remove files with this ending that nobody has locked as zenoh does.
const SWEPT: &str = ".zenoh";

pub(super) fn check_name(name: &str) -> Result<(), NameError> {
    let is_name = (1..=200).contains(&name.len())
        && !name.contains(['/', '\0'])
        && !name.starts_with('.')
        && !name.ends_with(SWEPT);
    if is_name {
        return Ok(());
    }
    Err(NameError {
        name: String::from(name),
    })
}

/// What was being done to which region, for the errors of system calls.
pub(super) fn system_create(name: &str, action: &'static str) -> impl Fn(Errno) -> CreateError {
    move |error| CreateError::System {
        action,
        name: String::from(name),
        source: error.into(),
    }
}

/// As [`system_create`].
pub(super) fn system_attach(name: &str, action: &'static str) -> impl Fn(Errno) -> AttachError {
    move |error| AttachError::System {
        action,
        name: String::from(name),
        source: error.into(),
    }
}
