//! Who holds the locks that say "this segment is in use".

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
};

use super::file::Identity;

/// The processes that hold a `flock` on each of `files`, by pid, as the kernel lists them in `/proc/locks`.
/// Processes outside this one's pid namespace have no pid here and are left out.
pub(crate) fn holders_of(files: &[Identity]) -> io::Result<BTreeSet<u32>> {
    let locks = fs::read_to_string("/proc/locks")?;
    let mut held: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
    for (pid, identity) in locks.lines().filter_map(parse_line) {
        if files.contains(&identity) {
            held.entry(pid).or_default().insert(identity.inode);
        }
    }
    let of_all = |(pid, inodes): (u32, BTreeSet<u64>)| (inodes.len() == files.len()).then_some(pid);
    Ok(held.into_iter().filter_map(of_all).collect())
}

/// One line of `/proc/locks` about a `flock` that is held; see proc_locks(5).
pub(crate) fn parse_line(line: &str) -> Option<(u32, Identity)> {
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
