//! Reads what supervisors show: every file of a process that lives, and of this user alone.
//!
//! Nothing is believed of a file before it was looked at: it is opened without following a link and without waiting, and has
//! to be an ordinary file of this user, no longer than [`FILE_BYTES`].
//!
//! Invariants: what cannot be read hides nothing else. Only files whose process has ended are removed.
//!
//! Knowingly weak: a process of another pid namespace looks ended from here. Its file, which it writes each second, is not
//! shown, and not removed either: that is done to what nobody has written for a minute.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime},
};

use rustix::fs::{Mode, OFlags};
use zenoh_pinned::bindings::line::Peer;

use super::{
    file::folder,
    said::{self, SaidOfWorkers},
};

/// Far more than a pool with the most workers has.
const FILE_BYTES: u64 = 1 << 20;
/// The most files that are read in one look.
const FILES: usize = 512;
/// A supervisor writes each second.
const SILENT_FOR: Duration = Duration::from_secs(10);
/// What an ended process has left is removed when it is so old.
const LEFT_FOR: Duration = Duration::from_secs(60);

/// What supervisors of this user show on this host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservedWorkers {
    /// Their pools of workers, by name and process.
    pub pools: Vec<ObservedPool>,
    /// Files that make no sense.
    pub unreadable: Vec<UnreadableWorkers>,
    /// Files that were too many to be read.
    pub left_out: usize,
}

/// A pool of workers.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedPool {
    /// Its supervisor.
    pub supervisor: Peer,
    /// How long ago that has said it. It does so each second.
    pub silent: Duration,
    /// What it says.
    pub said: SaidOfWorkers,
}

impl ObservedPool {
    /// Whether its supervisor stands still, as far as can be seen: it has said nothing for ten times as long as it takes.
    pub fn is_silent(&self) -> bool {
        self.silent > SILENT_FOR
    }
}

/// A file that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableWorkers {
    /// Its path.
    pub file: String,
    /// What does not fit.
    pub why: &'static str,
}

/// Looks at what supervisors show. From any thread; waits for nobody.
///
/// # Errors
/// The folder cannot be listed, or is another user's.
pub fn observe_workers() -> io::Result<ObservedWorkers> {
    observe_in(&folder(), &Peer::has_ended, SystemTime::now())
}

pub(super) fn observe_in(
    folder: &Path,
    has_ended: &dyn Fn(Peer) -> bool,
    now: SystemTime,
) -> io::Result<ObservedWorkers> {
    let found = match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
        found => found?,
    };
    if !found.is_dir() || !is_own(&found) {
        return Err(io::Error::other("another user has made it"));
    }
    let names = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    let mut seen = ObservedWorkers::default();
    for name in names {
        let path = folder.join(&name);
        let name = name.to_string_lossy();
        let named = Named::of(&name);
        if named.is_some_and(|named| has_ended(named.peer)) {
            remove_left(&path, now);
            continue;
        }
        // What is being written is nothing yet.
        if named.is_some_and(|named| named.is_new) {
            continue;
        }
        if seen.pools.len() + seen.unreadable.len() >= FILES {
            seen.left_out += 1;
            continue;
        }
        match read(&path, named, now) {
            Ok(Some(pool)) => seen.pools.push(pool),
            Ok(None) => {}
            Err(why) => seen.unreadable.push(UnreadableWorkers {
                file: path.to_string_lossy().into_owned(),
                why,
            }),
        }
    }
    let key = |pool: &ObservedPool| (pool.said.name.clone(), pool.supervisor.pid);
    seen.pools.sort_by_key(key);
    Ok(seen)
}

/// What a file's name says: `PID-STARTED-INSTANCE-POOL.json`, and `.new` while it is written.
#[derive(Clone, Copy)]
struct Named<'a> {
    peer: Peer,
    pool: &'a str,
    is_new: bool,
}

impl<'a> Named<'a> {
    fn of(name: &'a str) -> Option<Self> {
        let (name, ending) = name.rsplit_once('.')?;
        let (pid, rest) = name.split_once('-')?;
        let (started, rest) = rest.split_once('-')?;
        let (_instance, pool) = rest.split_once('-')?;
        let (pid, started) = (pid.parse().ok()?, started.parse().ok()?);
        matches!(ending, "json" | "new").then_some(Self {
            peer: Peer { pid, started },
            pool,
            is_new: ending == "new",
        })
    }
}

/// `None` where it has gone meanwhile.
fn read(
    path: &Path,
    named: Option<Named<'_>>,
    now: SystemTime,
) -> Result<Option<ObservedPool>, &'static str> {
    let named = named.ok_or("it has no name of a supervisor's file")?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => return Err("it is a link"),
        Err(_) => return Err("it cannot be opened"),
    };
    let found = file.metadata().map_err(|_| "it cannot be looked at")?;
    if !found.is_file() || !is_own(&found) {
        return Err("it is no ordinary file of this user");
    }
    let mut text = Vec::new();
    let length = file.take(FILE_BYTES + 1).read_to_end(&mut text);
    match length.map_err(|_| "it cannot be read")? as u64 {
        0..=FILE_BYTES => {}
        _ => return Err("it is longer than a supervisor writes"),
    }
    let said = said::read(&text, named.peer.pid, named.pool)?;
    let written = found.modified().unwrap_or(now);
    Ok(Some(ObservedPool {
        supervisor: named.peer,
        silent: now.duration_since(written).unwrap_or_default(),
        said,
    }))
}

fn is_own(found: &fs::Metadata) -> bool {
    found.uid() == rustix::process::getuid().as_raw()
}

fn remove_left(path: &Path, now: SystemTime) {
    let written = fs::symlink_metadata(path).and_then(|found| found.modified());
    let age = written.map(|written| now.duration_since(written).unwrap_or_default());
    // Whoever looks beside this one may have been faster.
    if age.is_ok_and(|age| age >= LEFT_FOR) && fs::remove_file(path).is_ok() {
        tracing::debug!(path = %path.display(), "what an ended supervisor has left was removed");
    }
}
