//! What another process holds at most, as the kernel tells it: for when its own account cannot be read.

use std::fs;

use super::{
    file::{self, Identity},
    locks, proc,
};

/// Upper bounds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// All segments that the process has open under zenoh's lock, made or attached.
    pub(crate) segment_bytes: u64,
    /// Its private memory, which staging slots are part of.
    pub(crate) private_bytes: u64,
}

/// What the processes hold at most that have `file` locked. Nothing where the kernel does not name them,
/// as for processes of another pid namespace.
pub(crate) fn of_holders_of(file: Identity) -> Holdings {
    let Ok(processes) = locks::holders_of(&[file]) else {
        return Holdings::default();
    };
    let private = processes.iter().copied().filter_map(private_bytes);
    let mut holdings = Holdings {
        segment_bytes: 0,
        private_bytes: private.fold(0, u64::saturating_add),
    };
    for (id, identity) in file::named_segments() {
        let locked = locks::holders_of(&[identity]).unwrap_or_default();
        if identity != file && !locked.is_disjoint(&processes) {
            holdings.segment_bytes = holdings.segment_bytes.saturating_add(size_of_segment(id));
        }
    }
    holdings
}

fn size_of_segment(id: u32) -> u64 {
    let metadata = fs::symlink_metadata(file::path_of(id));
    metadata.map_or(0, |metadata| metadata.len())
}

/// RssAnon of proc_pid_status(5).
fn private_bytes(process: u32) -> Option<u64> {
    proc::bytes_in(&proc::read(process, "status").ok()?, "RssAnon")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_private_memory_and_the_segments_that_it_has_locked() {
        let one = file::create_unnamed().unwrap();
        let id = 0x5EC7_0000 | (std::process::id() & 0xFFFF);
        file::reserve(&one, 0, 3 << 20).unwrap();
        file::publish(&one, id).unwrap();
        let other = file::create_unnamed().unwrap();
        let held = of_holders_of(file::inspect(&other).unwrap().0);
        assert!(held.segment_bytes >= 3 << 20, "{held:?}");
        assert!(held.private_bytes > 0);
        file::unlink_if_last(&one, id);
        let nobody = Identity {
            device: 0,
            inode: 0,
        };
        assert_eq!(of_holders_of(nobody), Holdings::default());
    }
}
