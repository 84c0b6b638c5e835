//! The memory limits of the cgroups that this process is in: its own and those above, version 1 or 2.
//!
//! `/proc/self/cgroup` names the group from the root of this process's cgroup namespace, and `/proc/self/mountinfo`
//! says where a hierarchy is mounted and which group of it is at the mount point. What lies above the mount
//! point cannot be seen. A file that cannot be read sets no limit.
//!
//! Pages of shared memory are charged to the group of the process that makes them present. The cache of files is
//! charged too, and the kernel drops it before it kills anybody: what it has not used for a while (`inactive_file`) counts
//! as free here, as container tools count it. Swap is not counted: pinned pages stay in memory.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use super::proc;

/// A group with a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemoryGroup {
    /// Its folder.
    pub(crate) path: PathBuf,
    /// The most bytes that it may have.
    pub(crate) limit: u64,
    /// Bytes that it has and that the kernel does not drop of its own accord.
    pub(crate) used: u64,
}

/// The groups above this process that have a limit, its own first. Any thread; some files are read.
pub(crate) fn memory_groups() -> Vec<MemoryGroup> {
    let own = |file| proc::own(file).unwrap_or_default();
    memory_groups_below(Path::new("/"), &own("cgroup"), &own("mountinfo"))
}

/// Which files of a group say what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    limit: &'static str,
    used: &'static str,
    inactive_file: &'static str,
}

const VERSION_1: Version = Version {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    inactive_file: "total_inactive_file",
};
const VERSION_2: Version = Version {
    limit: "memory.max",
    used: "memory.current",
    inactive_file: "inactive_file",
};

/// As [`memory_groups`], in a tree of files that stands below `root`, with what `/proc/self/cgroup` and
/// `/proc/self/mountinfo` say.
fn memory_groups_below(root: &Path, groups: &[u8], mounts: &[u8]) -> Vec<MemoryGroup> {
    // Memory is controlled in one of the two hierarchies; the other one has none of these files.
    [VERSION_1, VERSION_2]
        .into_iter()
        .filter_map(|version| {
            let group = group_in(groups, version)?;
            let (top, own) = folders_of(&group, mounts, version)?;
            Some((version, below(root, &top), below(root, &own)))
        })
        .flat_map(|(version, top, own)| {
            let up = own
                .ancestors()
                .take_while(|folder| folder.starts_with(&top));
            up.filter_map(|folder| look_at(folder, version))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// The group of this process in the hierarchy that controls memory, out of `/proc/self/cgroup`; see cgroups(7).
fn group_in(groups: &[u8], version: Version) -> Option<PathBuf> {
    lines(groups).find_map(|line| {
        let mut fields = line.splitn(3, |byte| *byte == b':');
        let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = match version == VERSION_2 {
            true => number == b"0" && controllers.is_empty(),
            false => controllers
                .split(|byte| *byte == b',')
                .any(|name| name == b"memory"),
        };
        is_it.then(|| PathBuf::from(OsStr::from_bytes(path)))
    })
}

/// The folder where the hierarchy is mounted and the one of `group`, out of `/proc/self/mountinfo`; see
/// proc_pid_mountinfo(5). Where the mount shows nothing of the group's part of the hierarchy, the group above that is
/// mounted is all that can be looked at.
fn folders_of(group: &Path, mounts: &[u8], version: Version) -> Option<(PathBuf, PathBuf)> {
    let mounted = lines(mounts).filter_map(|line| hierarchy_in(line, version));
    let mut above = None;
    for (at_mount, folder) in mounted {
        if let Ok(rest) = group.strip_prefix(&at_mount)
            && !leads_up(rest)
        {
            // Only joined where there is something: the folder's name would end in a slash.
            let own = match rest.as_os_str().is_empty() {
                true => folder.clone(),
                false => folder.join(rest),
            };
            return Some((folder, own));
        }
        // A mount from outside this cgroup namespace: what it shows is above all that is in here.
        if leads_up(&at_mount) && !leads_up(group) {
            above = above.or(Some((folder.clone(), folder)));
        }
    }
    above
}

fn leads_up(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "..")
}

/// The group that is at the mount point, and the mount point, of a line that is about this hierarchy.
fn hierarchy_in(line: &[u8], version: Version) -> Option<(PathBuf, PathBuf)> {
    let mut fields = line.split(|byte| *byte == b' ');
    let (at_mount, folder) = (fields.nth(3)?, fields.next()?);
    // Optional fields end with a dash.
    let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
    let (kind, options) = (fields.next()?, fields.nth(1)?);
    let is_it = match version == VERSION_2 {
        true => kind == b"cgroup2",
        false => {
            kind == b"cgroup"
                && options
                    .split(|byte| *byte == b',')
                    .any(|name| name == b"memory")
        }
    };
    is_it.then(|| (unescaped(at_mount), unescaped(folder)))
}

/// Spaces and the like are written as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits = (*first == b'\\').then(|| after.get(..3)).flatten();
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = match byte {
            Some(_) => &after[3..],
            None => after,
        };
    }
    OsString::from_vec(bytes).into()
}

fn look_at(folder: &Path, version: Version) -> Option<MemoryGroup> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    // The topmost group has no limit, and `max` says that another has none.
    let limit: u64 = read(version.limit)?.trim().parse().ok()?;
    // Version 1 has a number for it, the largest that is a whole number of pages.
    if limit > i64::MAX as u64 / 2 {
        return None;
    }
    let charged: u64 = read(version.used)?.trim().parse().ok()?;
    let statistics = read("memory.stat").unwrap_or_default();
    let inactive_file = statistics.lines().find_map(|line| {
        let (name, bytes) = line.split_once(' ')?;
        (name == version.inactive_file).then(|| bytes.trim().parse().ok())?
    });
    Some(MemoryGroup {
        path: folder.to_owned(),
        limit,
        used: charged.saturating_sub(inactive_file.unwrap_or(0)),
    })
}

fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of files in a folder of its own, removed afterwards.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str, groups: &str, mounts: &str) -> Self {
            let root = format!("zpin-cgroup-{name}-{}", std::process::id());
            let tree = Self(std::env::temp_dir().join(root));
            tree.file("proc/self/cgroup", groups);
            tree.file("proc/self/mountinfo", mounts);
            tree
        }

        fn file(&self, path: &str, contents: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }

        fn group(&self, folder: &str, version: Version, limit: &str, used: u64, inactive: u64) {
            self.file(
                &format!("{folder}/{}", version.limit),
                &format!("{limit}\n"),
            );
            self.file(&format!("{folder}/{}", version.used), &format!("{used}\n"));
            let statistics = format!(
                "anon 4096\ninactive_file 1\ntotal_inactive_file 1\n{} {inactive}\n",
                version.inactive_file
            );
            // Of a name that is in the file twice the last one is meant by no test.
            let statistics = statistics.replacen(&format!("{} 1\n", version.inactive_file), "", 1);
            self.file(&format!("{folder}/memory.stat"), &statistics);
        }

        fn seen(&self) -> Vec<(PathBuf, u64, u64)> {
            let read = |file| fs::read(self.0.join("proc/self").join(file)).unwrap();
            let seen = memory_groups_below(&self.0, &read("cgroup"), &read("mountinfo"));
            let path = |group: &MemoryGroup| group.path.strip_prefix(&self.0).unwrap().to_owned();
            let seen = seen.into_iter();
            seen.map(|group| (path(&group), group.limit, group.used))
                .collect()
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn expected(path: &str, limit: u64, used: u64) -> (PathBuf, u64, u64) {
        (PathBuf::from(path), limit, used)
    }

    const UNIFIED: &str = "21 1 0:5 / / rw - ext4 /dev/vda rw\n\
        30 21 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn every_group_on_the_way_up_is_seen_with_what_it_cannot_drop() {
        let tree = Tree::new("up", "0::/user.slice/app.scope\n", UNIFIED);
        tree.group(
            "sys/fs/cgroup/user.slice/app.scope",
            VERSION_2,
            "max",
            50,
            0,
        );
        tree.group("sys/fs/cgroup/user.slice", VERSION_2, "1000", 700, 300);
        // A neighbour.
        tree.group("sys/fs/cgroup/other.slice", VERSION_2, "10", 9, 0);
        assert_eq!(
            tree.seen(),
            [expected("sys/fs/cgroup/user.slice", 1000, 400)]
        );
        tree.group(
            "sys/fs/cgroup/user.slice/app.scope",
            VERSION_2,
            "80",
            50,
            70,
        );
        let own = expected("sys/fs/cgroup/user.slice/app.scope", 80, 0);
        assert_eq!(
            tree.seen(),
            [own, expected("sys/fs/cgroup/user.slice", 1000, 400)]
        );
    }

    #[test]
    fn version_1_is_read_as_version_2_is() {
        let groups =
            "4:cpu,cpuacct:/a\n3:hugetlb,memory:/docker/abc\n1:name=systemd:/x\n0::/unified\n";
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
            32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
            35 31 0:32 / /sys/fs/cgroup/memory\\040one rw shared:9 master:1 - cgroup cgroup rw,hugetlb,memory\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let tree = Tree::new("one", groups, mounts);
        let folder = "sys/fs/cgroup/memory one";
        tree.group(folder, VERSION_1, "9223372036854771712", 99, 0);
        tree.group(
            &format!("{folder}/docker"),
            VERSION_1,
            "9223372036854771712",
            99,
            0,
        );
        tree.group(
            &format!("{folder}/docker/abc"),
            VERSION_1,
            "100663296",
            99,
            9,
        );
        assert_eq!(
            tree.seen(),
            [expected(&format!("{folder}/docker/abc"), 100_663_296, 90)]
        );
    }

    #[test]
    fn a_container_sees_its_group_at_the_mount_point() {
        let shown = "30 21 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        // With the host's cgroup namespace the path is the whole one, with its own it is the root.
        let own = UNIFIED;
        for (name, groups, mounts) in [
            ("host", "0::/docker/abc\n", shown),
            ("private", "0::/\n", own),
        ] {
            let tree = Tree::new(name, groups, mounts);
            tree.group("sys/fs/cgroup", VERSION_2, "1000", 10, 0);
            assert_eq!(tree.seen(), [expected("sys/fs/cgroup", 1000, 10)], "{name}");
        }
        let tree = Tree::new("inner", "0::/docker/abc/inner\n", shown);
        tree.group("sys/fs/cgroup", VERSION_2, "1000", 10, 0);
        tree.group("sys/fs/cgroup/inner", VERSION_2, "500", 5, 0);
        let both = [
            expected("sys/fs/cgroup/inner", 500, 5),
            expected("sys/fs/cgroup", 1000, 10),
        ];
        assert_eq!(tree.seen(), both);
    }

    #[test]
    fn a_mount_from_outside_the_namespace_shows_a_group_above_and_one_from_inside_is_preferred() {
        let outside = "30 21 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        let tree = Tree::new("outside", "0::/inner\n", outside);
        tree.group("sys/fs/cgroup", VERSION_2, "1000", 10, 0);
        tree.group("sys/fs/cgroup/inner", VERSION_2, "1", 1, 0);
        assert_eq!(
            tree.seen(),
            [expected("sys/fs/cgroup", 1000, 10)],
            "a stranger's inner"
        );
        let inside = "44 21 0:26 / /mnt rw - cgroup2 cgroup rw\n";
        let tree = Tree::new("inside", "0::/inner\n", &format!("{outside}{inside}"));
        tree.group("mnt/inner", VERSION_2, "500", 5, 0);
        assert_eq!(tree.seen(), [expected("mnt/inner", 500, 5)]);
        let moved_out = Tree::new("moved", "0::/../other\n", UNIFIED);
        moved_out.group("sys/fs/cgroup", VERSION_2, "1", 1, 0);
        assert_eq!(moved_out.seen(), [], "not above this process");
    }

    #[test]
    fn what_cannot_be_read_sets_no_limit() {
        let nowhere = Tree::new("nowhere", "", "");
        assert_eq!(nowhere.seen(), []);
        assert!(memory_groups_below(Path::new("/nonexistent"), b"", b"").is_empty());
        let nonsense = Tree::new(
            "nonsense",
            "0::/a\nx\n1:memory\n",
            &format!("short line\n\n{UNIFIED}"),
        );
        assert_eq!(nonsense.seen(), [], "no such folder");
        for (limit, used) in [("-1", "1"), ("many", "1"), ("", "1"), ("10", "x")] {
            nonsense.file("sys/fs/cgroup/a/memory.max", limit);
            nonsense.file("sys/fs/cgroup/a/memory.current", used);
            assert_eq!(nonsense.seen(), [], "{limit} {used}");
        }
        nonsense.file("sys/fs/cgroup/a/memory.max", "10");
        nonsense.file("sys/fs/cgroup/a/memory.current", "4");
        let unexplained = [expected("sys/fs/cgroup/a", 10, 4)];
        assert_eq!(
            nonsense.seen(),
            unexplained,
            "without statistics all of it counts"
        );
    }

    #[test]
    fn escapes_in_mount_points_are_undone() {
        assert_eq!(unescaped(br"/a\040b\134c"), PathBuf::from(r"/a b\c"));
        assert_eq!(unescaped(br"/a\9\04"), PathBuf::from(r"/a\9\04"));
    }
}
