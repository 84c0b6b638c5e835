//! What two processes have to have in common to share memory: the running kernel, `/dev/shm`, the numbers of processes,
//! and the user.

use std::os::unix::ffi::OsStrExt;

use super::{file, per_process::PerProcess, proc};

/// Where a process runs. Two processes with equal values can map each other's files and see each other's ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// The kernel's number of this boot; see random(4).
    pub boot: u128,
    /// The device number of the file system at `/dev/shm`, which no other has during a boot.
    pub shared_memory: u64,
    /// The inode of the pid namespace; see pid_namespaces(7).
    pub pid_namespace: u64,
    /// The effective user.
    pub user: u32,
}

impl Whereabouts {
    /// Of this process; `None` where the kernel does not tell (no `/proc`, no `/dev/shm`).
    pub fn of_this_process() -> Option<Self> {
        static FOUND: PerProcess<Option<Whereabouts>> = PerProcess::new(found_out);
        *FOUND
    }
}

fn found_out() -> Option<Whereabouts> {
    let boot = std::fs::read_to_string(proc::path("sys/kernel/random/boot_id")).ok()?;
    let boot = boot.trim().replace('-', "");
    let namespace = proc::own_link("ns/pid").ok()?;
    Some(Whereabouts {
        boot: u128::from_str_radix(&boot, 16).ok()?,
        shared_memory: rustix::fs::stat(file::DIRECTORY).ok()?.st_dev,
        pid_namespace: inode_in(namespace.as_os_str().as_bytes())?,
        user: rustix::process::geteuid().as_raw(),
    })
}

/// The pid namespace of another process, by its inode; `None` where the kernel does not tell.
pub(crate) fn pid_namespace_of(pid: u32) -> Option<u64> {
    let link = proc::link(pid, "ns/pid").ok()?;
    inode_in(link.as_os_str().as_bytes())
}

/// The inode in `pid:[4026531836]`.
fn inode_in(link: &[u8]) -> Option<u64> {
    let inode = link.strip_prefix(b"pid:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inode).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_where_it_runs() {
        let here = Whereabouts::of_this_process().unwrap();
        assert!(here.boot != 0 && here.shared_memory != 0 && here.pid_namespace != 0);
        assert_eq!(Some(here), found_out());
    }

    #[test]
    fn only_a_link_of_a_pid_namespace_has_its_inode() {
        assert_eq!(inode_in(b"pid:[4026531836]"), Some(4_026_531_836));
        for other in [&b"pid:[]"[..], b"net:[12]", b"pid:[12", b"", b"pid:[-1]"] {
            assert_eq!(inode_in(other), None);
        }
    }
}
