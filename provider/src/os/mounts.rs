//! What is mounted where, out of `/proc/self/mountinfo`; see proc_pid_mountinfo(5).

use super::proc;

/// A file system where it is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Its kind, such as `tmpfs`.
    pub(crate) kind: String,
    /// Its own options, separated by commas.
    pub(crate) options: String,
}

impl Mount {
    /// The value of an option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        let mut options = self.options.split(',');
        options.find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }
}

/// What is mounted at a folder, of several the one that is seen; `None` where nothing is, or `/proc` does not show it.
pub(crate) fn mounted_at(folder: &str) -> Option<Mount> {
    let list = proc::own("mountinfo").ok()?;
    listed_at(&String::from_utf8_lossy(&list), folder)
}

fn listed_at(list: &str, folder: &str) -> Option<Mount> {
    let mut mounts = list.lines().filter_map(|line| mount_in(line, folder));
    mounts.next_back()
}

fn mount_in(line: &str, folder: &str) -> Option<Mount> {
    let (place, file_system) = line.split_once(" - ")?;
    if place.split(' ').nth(4)? != folder {
        return None;
    }
    let mut fields = file_system.split(' ');
    let (kind, options) = (fields.next()?, fields.nth(1)?);
    Some(Mount {
        kind: kind.to_owned(),
        options: options.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_mounts_at_a_folder_the_last_one_is_seen() {
        let list = "21 1 0:5 / / rw - ext4 /dev/vda rw\n\
            30 21 0:26 / /dev/shm rw,nosuid shared:4 - tmpfs tmpfs rw,size=64k\n\
            31 30 0:27 / /dev/shm ro - tmpfs none rw,size=16384k,huge=advise\n\
            32 31 0:27 / /dev/shm/below rw - ext4 none rw\n";
        let mount = listed_at(list, "/dev/shm").unwrap();
        assert_eq!(mount.kind, "tmpfs");
        assert_eq!(mount.option("huge"), Some("advise"));
        assert_eq!((mount.option("hug"), mount.option("uid")), (None, None));
        assert_eq!(listed_at(list, "/dev"), None);
        assert_eq!(listed_at("cut - short", "/dev/shm"), None);
    }
}
