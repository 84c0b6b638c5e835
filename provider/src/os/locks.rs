//! Who holds the locks that say "this segment is in use".

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
};

use super::{
    file::Identity,
    proc::{self, Look, Unseen},
};

/// The processes that hold a `flock` on each of `files`, by pid, as the kernel lists them in `/proc/locks`.
/// Processes outside this one's pid namespace have no pid here and are left out.
pub(crate) fn holders_of(files: &[Identity]) -> io::Result<BTreeSet<u32>> {
    let locks = read_list()?;
    let mut held: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
    for (pid, identity) in locks.lines().filter_map(parse_line) {
        if files.contains(&identity) {
            held.entry(pid).or_default().insert(identity.inode);
        }
    }
    let of_all = |(pid, inodes): (u32, BTreeSet<u64>)| (inodes.len() == files.len()).then_some(pid);
    Ok(held.into_iter().filter_map(of_all).collect())
}

/// The processes that hold a `flock` on a file, for every file that is locked, from one reading of the list.
///
/// # Errors
/// `/proc/locks` could not be read.
pub(crate) fn by_file() -> io::Result<BTreeMap<Identity, BTreeSet<u32>>> {
    let mut files: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (pid, identity) in read_list()?.lines().filter_map(parse_line) {
        files.entry(identity).or_default().insert(pid);
    }
    Ok(files)
}

/// How often the list is read for one answer. The kernel goes on by position from one `read` to the next, so
/// an entry is skipped where an earlier one goes in between; that several readings in a row skip the same one
/// is unlikely.
const READINGS: usize = 4;

/// The processes that hold a `flock` on at least one of `files`, with how many; otherwise as [`holders_of`].
///
/// The pid is that of the process that took the lock. It stays in the list after that process has ended
/// where a forked child still has the file open, and may be another process's by then: see
/// [`are_open_in`].
pub(crate) fn holders_of_any(files: &[Identity]) -> io::Result<BTreeMap<u32, usize>> {
    let mut holders = BTreeMap::new();
    for _ in 0..READINGS {
        let locks = read_list()?;
        let mut listed: BTreeMap<u32, usize> = BTreeMap::new();
        for (pid, identity) in locks.lines().filter_map(parse_line) {
            if files.contains(&identity) {
                *listed.entry(pid).or_default() += 1;
            }
        }
        for (pid, count) in listed {
            let most = holders.entry(pid).or_default();
            *most = count.max(*most);
        }
    }
    Ok(holders)
}

/// All files that somebody holds a `flock` on, as far as the kernel names somebody; otherwise as [`holders_of_any`].
pub(crate) fn held_files() -> io::Result<BTreeSet<Identity>> {
    let mut held = BTreeSet::new();
    for _ in 0..READINGS {
        held.extend(by_file()?.into_keys());
    }
    Ok(held)
}

/// Whether process `pid` itself has as many locks of `files` open as the list shows under its pid. Where it has
/// fewer, the others are those of an earlier process of that pid, and some child of that one has them.
///
/// # Errors
/// This user may not look into the process, or it has ended.
pub(crate) fn are_open_in(pid: u32, files: &[Identity], listed: usize) -> Look<bool> {
    let mut open = 0;
    for descriptor in proc::numbered(pid, "fdinfo")? {
        let about = match proc::read(pid, &format!("fdinfo/{descriptor}")) {
            // It was closed between the listing and this.
            Err(Unseen::Ended) => continue,
            about => about?,
        };
        let about = String::from_utf8_lossy(&about);
        let lines = about.lines().filter_map(|line| line.strip_prefix("lock:"));
        let locks = lines.filter_map(parse_line);
        // One that was inherited bears its owner's pid, here as in the list.
        let own = |(owner, file): &(u32, Identity)| *owner == pid && files.contains(file);
        open += locks.filter(own).count();
        if open >= listed {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The list, in as few pieces as the kernel allows.
fn read_list() -> io::Result<String> {
    let mut list = proc::open("locks")?;
    let mut bytes = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        let read = list.read(&mut bytes[length..])?;
        if read == 0 {
            break;
        }
        length += read;
        if length == bytes.len() {
            bytes.resize(2 * length, 0);
        }
    }
    bytes.truncate(length);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One line of `/proc/locks` about a `flock` that is held; see proc_locks(5).
pub fn parse_line(line: &str) -> Option<(u32, Identity)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    // A process that waits for a lock has an arrow here.
    if fields.next()? != "FLOCK" {
        return None;
    }
    let pid = fields.nth(2)?.parse().ok().filter(|pid| *pid != 0)?;
    let mut file = fields.next()?.split(':');
    let major = u32::from_str_radix(file.next()?, 16).ok()?;
    let minor = u32::from_str_radix(file.next()?, 16).ok()?;
    let inode = file.next()?.parse().ok()?;
    let device = rustix::fs::makedev(major, minor);
    Some((pid, Identity { device, inode }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_flocks_are_read_and_other_lines_are_not() {
        let held = parse_line("7: FLOCK  ADVISORY  READ 11988 00:1a:5308464 0 EOF");
        let device = rustix::fs::makedev(0, 0x1a);
        let inode = 5_308_464;
        assert_eq!(held, Some((11988, Identity { device, inode })));
        for other in [
            "7: -> FLOCK  ADVISORY  WRITE 11988 00:1a:5308464 0 EOF",
            "8: POSIX  ADVISORY  WRITE 22 00:1a:5308464 0 EOF",
            "9: FLOCK  ADVISORY  READ 0 00:1a:5308464 0 EOF",
            "9: FLOCK  ADVISORY  READ -1 00:1a:5308464 0 EOF",
            "10: FLOCK ADVISORY",
            "",
        ] {
            assert_eq!(parse_line(other), None, "{other}");
        }
    }
}
