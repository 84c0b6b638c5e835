//! The file of an account page: one page that says what its process holds, and locks that say it lives.
//!
//! Made like a segment, so that zenoh's own sweep unlinks it after a crash: `/dev/shm/<id>.zenoh` under a
//! shared `flock`. What makes it an account is outside its contents, where a stray write does not reach:
//! its id begins with [`ID_BEGINS`], it has at most one page, and its owner has an open-file-description
//! lock on its first byte, which zenoh never takes. Whether that lock stands is asked without taking one
//! (`F_OFD_GETLK`), so readers never take each other for an owner.
//!
//! Nothing here is mapped: a reader that maps what another process may truncate can be killed by SIGBUS.

use std::os::fd::OwnedFd;

use rustix::io::{Errno, pread, pwrite};

use super::{
    byte_lock, exit,
    file::{self, Identity},
};

/// The upper half of an account's id. A random id of zenoh's begins so once in 65,536 times.
const ID_BEGINS: u32 = 0xACC7;
/// How often a random id may already be taken before something else must be wrong.
const NAME_ATTEMPTS: usize = 100;
/// Bytes of an account page that mean something.
pub(crate) const RECORD_BYTES: usize = 128;

/// What an account page holds, unchecked.
pub(crate) type Contents = [u8; RECORD_BYTES];

/// The account page of this process.
#[derive(Debug)]
pub(crate) struct AccountFile {
    file: OwnedFd,
    id: u32,
    identity: Identity,
}

impl AccountFile {
    /// Makes a page with these contents.
    ///
    /// # Errors
    /// No room or no right to write in `/dev/shm`, no descriptor left, or the process is exiting (`CANCELED`).
    pub(crate) fn create(contents: &Contents) -> Result<Self, Errno> {
        let _before_the_last_look = exit::enter_naming().ok_or(Errno::CANCELED)?;
        let file = file::create_unnamed()?;
        file::reserve(&file, 0, super::page_bytes() as u64)?;
        byte_lock::set(&file, libc::F_RDLCK)?;
        write_whole(&file, contents)?;
        let (identity, _) = file::inspect(&file)?;
        let id = publish(&file)?;
        exit::unlink_account_at_exit(&file, id);
        Ok(Self { file, id, identity })
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// Replaces the contents, whatever anybody else has made of them.
    pub(crate) fn write(&self, contents: &Contents) -> Result<(), Errno> {
        write_whole(&self.file, contents)
    }

    /// Replaces what stands behind the account in the page, at most the rest of it.
    pub(crate) fn write_rest(&self, rest: &[u8]) -> Result<(), Errno> {
        match pwrite(&self.file, rest, RECORD_BYTES as u64)? == rest.len() {
            true => Ok(()),
            false => Err(Errno::NOSPC),
        }
    }

    /// Whether others still find these contents under the page's name.
    pub(crate) fn shows(&self, contents: &Contents) -> bool {
        let read = read_contents(&self.file).is_ok_and(|read| read == *contents);
        read && file::identity_of(self.id).is_ok_and(|named| named == self.identity)
    }
}

impl Drop for AccountFile {
    fn drop(&mut self) {
        exit::account_is_gone();
        file::unlink_if_last(&self.file, self.id);
    }
}

/// An account page as somebody else's look finds it.
pub(crate) struct SeenAccount {
    pub(crate) identity: Identity,
    /// `None` where not all of it could be read.
    pub(crate) contents: Option<Contents>,
    /// Whether its owner is there.
    pub(crate) lives: bool,
    file: OwnedFd,
    id: u32,
}

impl SeenAccount {
    /// Reads the page once more.
    pub(crate) fn read_again(&mut self) {
        self.contents = read_contents(&self.file).ok();
    }

    /// What stands behind the account; `None` where the page is shorter.
    pub(crate) fn rest<const BYTES: usize>(&self) -> Option<[u8; BYTES]> {
        let mut rest = [0; BYTES];
        let read = pread(&self.file, &mut rest, RECORD_BYTES as u64);
        (read == Ok(BYTES)).then_some(rest)
    }

    /// Whether nobody else can have written it.
    pub(crate) fn is_of_this_user_alone(&self) -> bool {
        let access = file::Access::of(&self.file);
        access.is_ok_and(file::Access::is_of_this_user_alone)
    }

    /// The path of its file.
    pub(crate) fn path(&self) -> String {
        file::path_of(self.id)
    }

    /// Unlinks a page whose owner was found dead and that carries this magic.
    fn unlink_if_begins(self, magic: &[u8]) {
        let is_account = self
            .contents
            .is_some_and(|contents| contents.starts_with(magic));
        // A segment of zenoh's that has such a name by chance is not ours to unlink.
        if is_account {
            file::unlink_if_last(&self.file, self.id);
        }
    }
}

/// Gives the accounts of live processes to `look`, one open at a time. Those of the dead that carry `magic`
/// are unlinked on the way.
///
/// # Errors
/// As [`for_each`].
pub(crate) fn for_each_live(magic: &[u8], mut look: impl FnMut(SeenAccount)) -> Result<(), Errno> {
    for_each(|seen| match seen.lives {
        true => look(seen),
        false => seen.unlink_if_begins(magic),
    })
}

/// Gives all accounts to `look`, those of the dead too, one open at a time.
///
/// # Errors
/// `/dev/shm` cannot be listed, or no descriptor is left to open an account with.
pub(crate) fn for_each(mut look: impl FnMut(SeenAccount)) -> Result<(), Errno> {
    for id in file::named_ids()?.filter(|id| id >> 16 == ID_BEGINS) {
        let file = match file::open(id) {
            Ok(file) => file,
            Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => return Err(error),
            // Gone meanwhile, or another user's.
            Err(_) => continue,
        };
        let Ok((identity, bytes)) = file::inspect(&file) else {
            continue;
        };
        if bytes > super::page_bytes() as u64 {
            continue;
        }
        look(SeenAccount {
            identity,
            contents: read_contents(&file).ok(),
            lives: byte_lock::stands(&file),
            file,
            id,
        });
    }
    Ok(())
}

fn publish(file: &OwnedFd) -> Result<u32, Errno> {
    for _ in 0..NAME_ATTEMPTS {
        let id = (ID_BEGINS << 16) | u32::from(u16::from_ne_bytes(super::random()?));
        match file::publish(file, id) {
            Ok(()) => return Ok(id),
            Err(Errno::EXIST) => continue,
            Err(error) => return Err(error),
        }
    }
    Err(Errno::EXIST)
}

fn write_whole(file: &OwnedFd, contents: &Contents) -> Result<(), Errno> {
    // Also right after somebody cut the file: the write makes it long enough again.
    match pwrite(file, contents, 0)? {
        RECORD_BYTES => Ok(()),
        _ => Err(Errno::NOSPC),
    }
}

fn read_contents(file: &OwnedFd) -> Result<Contents, Errno> {
    let mut contents = [0; RECORD_BYTES];
    match pread(file, &mut contents, 0)? {
        RECORD_BYTES => Ok(contents),
        _ => Err(Errno::NODATA),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: &[u8] = b"TESTPAGE";

    fn contents() -> Contents {
        let mut contents = [7; RECORD_BYTES];
        contents[..MAGIC.len()].copy_from_slice(MAGIC);
        contents
    }

    fn sees(identity: Identity) -> bool {
        let mut sees = false;
        for_each_live(MAGIC, |seen| sees |= seen.identity == identity).unwrap();
        sees
    }

    #[test]
    fn a_page_is_seen_while_its_owner_has_it_and_its_file_goes_with_it() {
        let page = AccountFile::create(&contents()).unwrap();
        let (identity, id) = (page.identity(), page.id);
        assert!(page.shows(&contents()) && sees(identity));
        drop(page);
        assert!(!sees(identity));
        assert!(file::open(id).is_err());
    }

    #[test]
    fn scribbling_truncating_and_unlinking_are_noticed_and_a_live_page_stays_an_account() {
        let page = AccountFile::create(&contents()).unwrap();
        let hostile = file::open(page.id).unwrap();
        pwrite(&hostile, &[0; 64], 0).unwrap();
        assert!(!page.shows(&contents()) && sees(page.identity()));
        rustix::fs::ftruncate(&hostile, 0).unwrap();
        assert!(!page.shows(&contents()) && sees(page.identity()));
        page.write(&contents()).unwrap();
        assert!(page.shows(&contents()));
        rustix::fs::unlink(file::path_of(page.id)).unwrap();
        assert!(!page.shows(&contents()));
    }

    #[test]
    fn a_dead_page_is_unlinked_and_a_foreign_file_of_such_a_name_is_not() {
        let lay = |bytes: &[u8]| {
            let file = file::create_unnamed().unwrap();
            pwrite(&file, bytes, 0).unwrap();
            publish(&file).unwrap()
        };
        let (dead, foreign) = (lay(&contents()), lay(&[1; RECORD_BYTES]));
        for_each_live(MAGIC, drop).unwrap();
        assert!(file::open(dead).is_err());
        assert!(file::open(foreign).is_ok());
        rustix::fs::unlink(file::path_of(foreign)).unwrap();
    }
}
