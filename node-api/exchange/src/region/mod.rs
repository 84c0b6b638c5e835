//! A region: one file below `/dev/shm` with the lanes of its writers.
//!
//! Holds: the file, its mapping, and three locks on bytes of the file, which end with their holders: byte 0, shared by
//! everybody who has the region; bytes 1 and 2, each for the one writer of a kind.
//!
//! Life: whoever makes the region gives it its name once it is whole. A region that is there and has the wanted layout
//! is adopted, never emptied, so that readers stay attached over the death and the return of its writer; the layout is
//! compared by its hash. One of another layout is replaced if nobody has it. Who closes last takes the name away,
//! if it may: in `/dev/shm` only the file's owner does. Where it may not, and where all were killed, the file stays,
//! some kilobytes, until it is adopted.
//!
//! Who may write what: a writer its own lanes and its own line of the header, with its lock held. The magic and the hash
//! are written before the file has a name.
//!
//! Knowingly weak: whoever may write the file can write anything to it, and cut it, which raises SIGBUS in whoever
//! touches it. The mode says who that is. A forked child keeps the locks of a parent that was killed until it ends or
//! calls `exec`.

mod error;
mod layout;

use std::{
    os::fd::OwnedFd,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

pub use error::{AttachError, CreateError, NameError, WriterAlive};
pub(crate) use layout::{Place, RegionLayout, Role};

use crate::os::{Errno, file, fork::ForkMark, locks, mapping::Mapping};
use error::{check_name, system_attach, system_create};
use layout::{HASH_WORD, MAGIC, MAGIC_WORD};

/// How often a region that is being removed, or replaced, is looked for again.
const ATTEMPTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(1);

/// The lock of everybody who has the region.
const ATTENDANCE: u8 = 0;

const fn lock_of(role: Role) -> u8 {
    1 + role as u8
}

#[derive(Debug)]
pub(crate) struct Region {
    name: String,
    file: OwnedFd,
    /// Taken only by `drop`, in a forked child.
    mapping: Option<Mapping>,
    mark: ForkMark,
}

/// What a look at a file that has the wanted name found.
enum Found {
    /// Its words, with the attendance lock held.
    Region(Mapping),
    /// It is just being removed.
    Vanishing,
    NotARegion,
    OtherLayout,
}

fn look_at(file: &OwnedFd, layout: &RegionLayout, writable: bool) -> Result<Found, Errno> {
    let found = look_with_lock(file, layout, writable);
    if !matches!(found, Ok(Found::Region(_))) {
        locks::release(file);
    }
    found
}

fn look_with_lock(file: &OwnedFd, layout: &RegionLayout, writable: bool) -> Result<Found, Errno> {
    let inspected = file::inspect(file)?;
    if !inspected.is_regular {
        return Ok(Found::NotARegion);
    }
    match locks::take(file, ATTENDANCE, false) {
        Err(Errno::AGAIN | Errno::ACCESS) => return Ok(Found::Vanishing),
        result => result?,
    }
    // Behind the lock: from here on nobody takes the name away.
    if !file::inspect(file)?.has_a_name {
        return Ok(Found::Vanishing);
    }
    let header = 2 * size_of::<u64>() as u64;
    if inspected.bytes < header {
        return Ok(Found::NotARegion);
    }
    if inspected.bytes != layout.bytes() {
        let start = Mapping::of(file, header as usize / size_of::<u64>(), false)?;
        return Ok(kind_of(&start, layout).unwrap_or(Found::OtherLayout));
    }
    let mapping = Mapping::of(file, layout.words(), writable)?;
    Ok(kind_of(&mapping, layout).unwrap_or(Found::Region(mapping)))
}

/// What a file is other than a region of this layout.
fn kind_of(mapping: &Mapping, layout: &RegionLayout) -> Option<Found> {
    // Relaxed: both were written before the file had a name.
    let word = |index: usize| mapping.words()[index].load(Ordering::Relaxed);
    if word(MAGIC_WORD) != MAGIC {
        return Some(Found::NotARegion);
    }
    (word(HASH_WORD) != layout.hash()).then_some(Found::OtherLayout)
}

/// Why what has the name cannot be opened to be adopted.
fn not_opened(name: &str, error: Errno) -> CreateError {
    match file::owner_of(name) {
        Ok(owner) if error == Errno::ACCESS && owner != file::own_user() => {
            let name = name.into();
            CreateError::OtherOwner { name, owner }
        }
        _ => system_create(name, "open")(error),
    }
}

impl Region {
    /// Makes the region or adopts the one that is there, as its owner.
    pub(crate) fn create(
        name: &str,
        mode: u32,
        layout: &RegionLayout,
    ) -> Result<Self, CreateError> {
        check_name(name)?;
        if mode & 0o600 != 0o600 || mode & !0o666 != 0 {
            return Err(CreateError::Mode { mode });
        }
        for _ in 0..ATTEMPTS {
            let made = match file::open(name, true) {
                Ok(file) => Self::adopt(name, mode, layout, file)?,
                Err(Errno::NOENT) => Self::make(name, mode, layout)?,
                Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR | Errno::NODEV) => {
                    return Err(CreateError::NotARegion { name: name.into() });
                }
                Err(error) => return Err(not_opened(name, error)),
            };
            if let Some(region) = made {
                return Ok(region);
            }
            std::thread::sleep(PAUSE);
        }
        Err(system_create(name, "find a moment to make")(Errno::BUSY))
    }

    /// `None` where another process was quicker.
    fn make(name: &str, mode: u32, layout: &RegionLayout) -> Result<Option<Self>, CreateError> {
        let system = |action| system_create(name, action);
        let file = file::create_unnamed(layout.bytes(), mode).map_err(|error| match error {
            Errno::NOSPC => {
                let (free_bytes, total_bytes) = file::space();
                CreateError::NoSpace {
                    needed_bytes: layout.bytes(),
                    free_bytes,
                    total_bytes,
                }
            }
            error => system("make")(error),
        })?;
        locks::take(&file, ATTENDANCE, false).map_err(system("lock"))?;
        let mapping = Mapping::of(&file, layout.words(), true).map_err(system("map"))?;
        // Relaxed: nobody else has the file yet.
        mapping.words()[MAGIC_WORD].store(MAGIC, Ordering::Relaxed);
        mapping.words()[HASH_WORD].store(layout.hash(), Ordering::Relaxed);
        let region = Self::of(name, file, mapping).map_err(system("map"))?;
        region
            .become_writer(Role::Owner)
            .map_err(system("lock"))??;
        match file::publish(&region.file, name) {
            Ok(()) => Ok(Some(region)),
            Err(Errno::EXIST) => Ok(None),
            Err(error) => Err(system("name")(error)),
        }
    }

    /// `None` where the region was being removed, or has been replaced.
    fn adopt(
        name: &str,
        mode: u32,
        layout: &RegionLayout,
        file: OwnedFd,
    ) -> Result<Option<Self>, CreateError> {
        let system = |action| system_create(name, action);
        let named = || String::from(name);
        let owner = file::inspect(&file).map_err(system("inspect"))?.owner;
        if owner != file::own_user() {
            return Err(CreateError::OtherOwner {
                name: named(),
                owner,
            });
        }
        match look_at(&file, layout, true).map_err(system("look at"))? {
            Found::Vanishing => Ok(None),
            Found::NotARegion => Err(CreateError::NotARegion { name: named() }),
            Found::OtherLayout => match locks::take(&file, ATTENDANCE, true) {
                Ok(()) => {
                    let removed = file::unlink(&file, name);
                    locks::release(&file);
                    removed.map_err(system("replace"))?;
                    Ok(None)
                }
                Err(_) => Err(CreateError::OtherLayout { name: named() }),
            },
            Found::Region(mapping) => {
                let region = Self::of(name, file, mapping).map_err(system("map"))?;
                region
                    .become_writer(Role::Owner)
                    .map_err(system("lock"))??;
                file::set_mode(&region.file, mode).map_err(system("set the mode of"))?;
                Ok(Some(region))
            }
        }
    }

    /// Attaches a region that somebody made: as a writer of a kind, or as a reader, which maps it read-only.
    pub(crate) fn attach(
        name: &str,
        role: Option<Role>,
        layout: &RegionLayout,
    ) -> Result<Self, AttachError> {
        check_name(name)?;
        let system = |action| system_attach(name, action);
        let named = || String::from(name);
        for _ in 0..ATTEMPTS {
            let file = match file::open(name, role.is_some()) {
                Ok(file) => file,
                Err(Errno::NOENT) => return Err(AttachError::NotThere { name: named() }),
                Err(Errno::ACCESS | Errno::PERM) => {
                    return Err(AttachError::NotAllowed { name: named() });
                }
                Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR | Errno::NODEV) => {
                    return Err(AttachError::NotARegion { name: named() });
                }
                Err(error) => return Err(system("open")(error)),
            };
            match look_at(&file, layout, role.is_some()).map_err(system("look at"))? {
                Found::Vanishing => std::thread::sleep(PAUSE),
                Found::NotARegion => return Err(AttachError::NotARegion { name: named() }),
                Found::OtherLayout => return Err(AttachError::OtherLayout { name: named() }),
                Found::Region(mapping) => {
                    let region = Self::of(name, file, mapping).map_err(system("map"))?;
                    if let Some(role) = role {
                        region.become_writer(role).map_err(system("lock"))??;
                    }
                    return Ok(region);
                }
            }
        }
        Err(AttachError::NotThere { name: named() })
    }

    fn of(name: &str, file: OwnedFd, mapping: Mapping) -> Result<Self, Errno> {
        Ok(Self {
            name: String::from(name),
            file,
            mapping: Some(mapping),
            mark: ForkMark::new()?,
        })
    }

    /// Takes the lock of a kind of writer; the inner error where another process has it.
    fn become_writer(&self, role: Role) -> Result<Result<(), WriterAlive>, Errno> {
        let words = self.words();
        match locks::take(&self.file, lock_of(role), true) {
            Err(Errno::AGAIN | Errno::ACCESS) => {
                // Relaxed: told to a person, nothing more.
                let pid = words[role.pid_word()].load(Ordering::Relaxed) as u32;
                return Ok(Err(WriterAlive {
                    name: self.name.clone(),
                    pid,
                }));
            }
            result => result?,
        }
        let incarnation = &words[role.incarnation_word()];
        words[role.pid_word()].store(std::process::id().into(), Ordering::Relaxed);
        // Relaxed: only the holder of the lock writes here. Wrapping: another process can have written anything,
        // and no writer is the zeroth.
        let next = incarnation.load(Ordering::Relaxed).wrapping_add(1).max(1);
        incarnation.store(next, Ordering::Relaxed);
        Ok(Ok(()))
    }

    /// How often there was such a writer; 0 in a forked child.
    pub(crate) fn incarnation(&self, role: Role) -> u64 {
        if !self.is_of_this_process() {
            return 0;
        }
        // Relaxed: a writer's messages carry it where order matters.
        self.words()[role.incarnation_word()].load(Ordering::Relaxed)
    }

    /// The process that is the writer now, `None` where there is none, and in a forked child. A system call.
    pub(crate) fn writer(&self, role: Role) -> Option<u32> {
        if !self.is_of_this_process() {
            return None;
        }
        let is_there = locks::is_taken(&self.file, lock_of(role)).unwrap_or(false);
        let pid = || self.words()[role.pid_word()].load(Ordering::Relaxed) as u32;
        is_there.then(pid)
    }

    /// Whether this is the process that attached the region; no other may touch it.
    #[inline]
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.mark.is_of_this_process()
    }

    /// The region's words. Nobody calls this in a forked child.
    #[inline]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        self.mapping.as_ref().map_or(&[], Mapping::words)
    }

    /// Gives the locks back, and takes the name away if nobody else has the region.
    fn leave(&self) {
        // Who closes at the same moment must not be kept from being the last by this one's lock.
        locks::release(&self.file);
        // Opened anew: a lock for one alone needs a file that can be written to, and a reader's cannot.
        let Ok(file) = file::open(&self.name, true) else {
            return;
        };
        if locks::take(&file, ATTENDANCE, true).is_ok() {
            // Compared with the own file: the name may be another's by now.
            let _ = file::unlink(&self.file, &self.name);
            locks::release(&file);
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let Some(mapping) = self.mapping.take() else {
            return;
        };
        if !self.is_of_this_process() {
            return mapping.forget();
        }
        self.leave();
    }
}
