//! zenoh's files in `/dev/shm` that nobody has open, as far as can be seen: what killed processes leave until the next
//! zenoh process removes it.
//!
//! Whether one is open is read out of the kernel's list of locks. It is not tried, because whoever attaches the file at
//! that moment would be refused.

use std::io;

use crate::os::{byte_lock, file, locks};

/// A file that no process seen from here has open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LooseFile {
    /// Its path.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Whether a lock says that its owner lives all the same: in a pid namespace that is not seen from here. Only an
    /// account of this library has such a lock.
    pub owner_lives: bool,
}

/// Those of this user.
///
/// # Errors
/// `/dev/shm` cannot be listed, or `/proc/locks` not read.
pub(super) fn loose() -> io::Result<Vec<LooseFile>> {
    // The locks last: a file that is made meanwhile is locked before it has a name.
    let named: Vec<_> = file::named_ids()?.collect();
    let held = locks::held_files()?;
    let loose = named.into_iter().filter_map(|id| {
        let opened = file::open(id).ok()?;
        let (identity, bytes) = file::inspect(&opened).ok()?;
        let is_own = file::Access::of(&opened).is_ok_and(|access| access.is_of_this_user_alone());
        (is_own && !held.contains(&identity)).then(|| LooseFile {
            path: file::path_of(id),
            bytes,
            owner_lives: byte_lock::stands(&opened),
        })
    });
    Ok(loose.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_loose_once_nobody_has_it_locked() {
        let id = 0x10_05E0_u32 | (std::process::id() & 0x1F);
        let made = file::create_unnamed().unwrap();
        file::reserve(&made, 0, 4096).unwrap();
        file::publish(&made, id).unwrap();
        let found = || {
            let loose = loose().unwrap().into_iter();
            let mut of_this_name = loose.filter(|file| file.path == file::path_of(id));
            of_this_name.next()
        };
        assert_eq!(found(), None);
        drop(made);
        let loose = found().unwrap();
        assert_eq!((loose.bytes, loose.owner_lives), (4096, false));
        std::fs::remove_file(loose.path).unwrap();
    }
}
