//! The other processes of this user that have zenoh's shared memory mapped, as `/proc` shows them.
//!
//! Knowingly weak: processes of another pid namespace that is not below this one do not show; `locks` tells of their
//! files only that somebody has them.

use std::collections::BTreeSet;

use super::{
    file::{self, Identity},
    host, proc, process,
};

/// A process that has a segment mapped, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its number in this pid namespace.
    pub pid: u32,
    /// As the kernel names it.
    pub name: String,
    /// The inode of its pid namespace; `None` where the kernel does not tell.
    pub pid_namespace: Option<u64>,
    /// Whether the segments lie in the `/dev/shm` of this process.
    pub shares_memory: bool,
    /// The libraries of zenoh that it has mapped, by their paths.
    pub libraries: Vec<String>,
}

/// All of them. Reads what every process of this user has mapped: some milliseconds for a hundred.
///
/// # Errors
/// `/proc` is not mounted, or no descriptor is left.
pub(crate) fn neighbours() -> std::io::Result<Vec<Neighbour>> {
    let here = rustix::fs::stat(file::DIRECTORY).map_or(0, |stat| stat.st_dev);
    let segments: BTreeSet<_> = file::named_segments().map(|(_, file)| file).collect();
    let others = proc::processes()?.into_iter();
    let others = others.filter(|pid| *pid != std::process::id() && is_of_this_user(*pid));
    let looked_at = others.filter_map(|pid| {
        let maps = proc::read(pid, "maps").ok()?;
        let mapped = Mapped::of(&String::from_utf8_lossy(&maps), here, &segments);
        (mapped.here || mapped.elsewhere).then(|| Neighbour {
            pid,
            name: process::name_of(pid).unwrap_or_default(),
            pid_namespace: host::pid_namespace_of(pid),
            shares_memory: mapped.here,
            libraries: mapped.libraries.into_iter().collect(),
        })
    });
    Ok(looked_at.collect())
}

fn is_of_this_user(pid: u32) -> bool {
    let status = proc::read(pid, "status").unwrap_or_default();
    let users = proc::field_in(&status, "Uid").unwrap_or_default();
    let effective = users.split_ascii_whitespace().nth(1);
    effective.and_then(|user| user.parse().ok()) == Some(rustix::process::geteuid().as_raw())
}

/// What a list of mappings shows of zenoh.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mapped {
    here: bool,
    elsewhere: bool,
    libraries: BTreeSet<String>,
}

impl Mapped {
    /// Out of `/proc/<pid>/maps`. `segments` have names in the `/dev/shm` of this process, which is on device `here`.
    fn of(maps: &str, here: u64, segments: &BTreeSet<Identity>) -> Self {
        let mut mapped = Self::default();
        for (identity, path) in maps.lines().filter_map(file_in) {
            let name = path.rsplit('/').next().unwrap_or(path);
            let is_segment = name
                .strip_suffix(".zenoh")
                .is_some_and(|id| id.parse::<u32>().is_ok());
            mapped.here |= segments.contains(&identity);
            mapped.elsewhere |= is_segment && identity.device != here;
            if is_of_zenoh(name) {
                mapped.libraries.insert(path.to_owned());
            }
        }
        mapped
    }
}

/// Whether a file of this name is zenoh itself, as C programs or Python load it; a program of zenoh's users may be called
/// after it too.
fn is_of_zenoh(name: &str) -> bool {
    let is_of_c = name.starts_with("libzenohc.so");
    is_of_c || (name.starts_with("zenoh.") && name.ends_with(".so"))
}

/// The file of a line, and the path by which it was opened.
fn file_in(line: &str) -> Option<(Identity, &str)> {
    let mut fields = line.splitn(6, ' ');
    let (device, inode, path) = (fields.nth(3)?, fields.next()?, fields.next()?);
    let (major, minor) = device.split_once(':')?;
    let major = u32::from_str_radix(major, 16).ok()?;
    let minor = u32::from_str_radix(minor, 16).ok()?;
    let device = rustix::fs::makedev(major, minor);
    let inode = inode.parse().ok()?;
    Some((Identity { device, inode }, path.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_has_mapped_of_zenoh_is_told_apart_by_device() {
        let here = rustix::fs::makedev(0, 0x1a);
        let named = BTreeSet::from([Identity {
            device: here,
            inode: 42,
        }]);
        let of = |maps: &str| Mapped::of(maps, here, &named);
        // Made by that process: it had no name when it was opened.
        let own = of("7f10a000-7f10c000 rw-s 00001000 00:1a 42      /dev/shm/#42 (deleted)");
        assert!(own.here && !own.elsewhere);
        let other = of(
            "7f10a000-7f10c000 rw-s 00000000 00:2b 7     /dev/shm/9.zenoh\n\
            7f20a000-7f20c000 r-xp 00000000 08:01 9  /opt/a b/zenoh/zenoh.abi3.so\n\
            7f20a000-7f20c000 r--p 00000000 08:01 9  /opt/a b/zenoh/zenoh.abi3.so",
        );
        assert!(other.elsewhere && !other.here);
        let library = String::from("/opt/a b/zenoh/zenoh.abi3.so");
        assert_eq!(other.libraries, BTreeSet::from([library]));
        let of_c = of("7f10a000-7f10c000 r-xp 00000000 08:01 9 /usr/lib/libzenohc.so.1.8.0");
        let library = String::from("/usr/lib/libzenohc.so.1.8.0");
        assert_eq!(of_c.libraries, BTreeSet::from([library]));
        for none in [
            "7f10a000-7f10c000 r-xp 00000000 08:01 9 /usr/lib/libzenoh_pinned.so.0.1.0",
            "7f10a000-7f10c000 r-xp 00000000 08:01 9 /opt/lib/librmw_zenoh_cpp.so.0.6",
            "7f10a000-7f10c000 rw-s 00001000 00:1a 43 /dev/shm/x.zenoh",
            "00400000-00401000 rw-p 00000000 00:00 0  [heap]",
            "7f10a000-7f10c000 rw-p 00000000 00:00 0",
            "nonsense",
        ] {
            assert_eq!(of(none), Mapped::default(), "{none}");
        }
    }
}
