//! What the memory cgroups of this process leave, decided before the kernel kills for it.
//!
//! Knowingly weak: between the look and the moment when the pages are there, others in the group can take the
//! room. So a segment's pages are made present piece by piece with a look before each ([`PIECE_BYTES`]), and some
//! room is left over ([`left_over`]). Active page cache counts as used, though the kernel could drop some of it.

use super::{Purpose, Sums};
use crate::os::cgroup::{self, MemoryGroup};

/// How many bytes are made present between two looks.
pub(crate) const PIECE_BYTES: u64 = 16 << 20;

/// A group that has too little left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OverCgroup {
    pub(crate) cgroup: String,
    pub(crate) needed_bytes: u64,
    pub(crate) used_bytes: u64,
    pub(crate) limit_bytes: u64,
}

impl OverCgroup {
    /// What would have to be given back for the request to fit.
    pub(super) fn excess(&self) -> Sums {
        let needed = self
            .needed_bytes
            .saturating_add(left_over(self.needed_bytes, self.limit_bytes));
        Sums {
            memory: self
                .used_bytes
                .saturating_add(needed)
                .saturating_sub(self.limit_bytes),
            registered: 0,
        }
    }
}

/// Bytes that a request leaves free in a group, for page tables and the like.
fn left_over(bytes: u64, limit: u64) -> u64 {
    (limit / 32).clamp(4 << 20, 64 << 20).min(bytes)
}

/// The group that this many bytes would exceed the most.
fn too_full_for(bytes: u64, groups: &[MemoryGroup]) -> Option<OverCgroup> {
    let refusals = groups.iter().map(|group| OverCgroup {
        cgroup: group.path.to_string_lossy().into_owned(),
        needed_bytes: bytes,
        used_bytes: group.used,
        limit_bytes: group.limit,
    });
    let refusals = refusals.filter(|refusal| refusal.excess().memory > 0);
    refusals.max_by_key(|refusal| refusal.excess().memory)
}

/// Whether this many bytes more can be made present. Any thread; reads some files.
///
/// # Errors
/// The group that they do not fit.
pub(crate) fn check(bytes: u64) -> Result<(), OverCgroup> {
    match too_full_for(bytes, &cgroup::memory_groups()) {
        None => Ok(()),
        Some(refusal) => Err(refusal),
    }
}

/// As [`check`], for what makes memory present; a registration only pins what there is.
pub(super) fn check_for(purpose: Purpose, bytes: u64) -> Result<(), OverCgroup> {
    match purpose.sums(bytes).memory {
        0 => Ok(()),
        bytes => check(bytes),
    }
}

/// How near the fullest group is to its limit.
pub(super) fn pressure() -> super::Pressure {
    let groups = cgroup::memory_groups().into_iter();
    let pressures = groups.map(|group| super::Pressure::of(group.used, group.limit));
    pressures.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn group(path: &str, limit: u64, used: u64) -> MemoryGroup {
        MemoryGroup {
            path: path.into(),
            limit,
            used,
        }
    }

    #[test]
    fn the_tightest_group_on_the_way_up_decides_and_something_is_left_over() {
        let groups = [
            group("/a/b", 96 * MIB, 20 * MIB),
            group("/a", 128 * MIB, 80 * MIB),
        ];
        let refused_by = |bytes| too_full_for(bytes, &groups).map(|refusal| refusal.cgroup);
        assert_eq!(refused_by(44 * MIB), None);
        assert_eq!(refused_by(44 * MIB + 1), Some(String::from("/a")));
        assert_eq!(refused_by(256 * MIB), Some(String::from("/a")));
        let of_own = [
            group("/a/b", 96 * MIB, 20 * MIB),
            group("/a", 1 << 40, 80 * MIB),
        ];
        let refusal = too_full_for(256 * MIB, &of_own).unwrap();
        assert_eq!(
            (refusal.cgroup.as_str(), refusal.limit_bytes),
            ("/a/b", 96 * MIB)
        );
        assert_eq!(refusal.excess().memory, (256 + 20 + 4 - 96) * MIB);
        assert!(too_full_for(u64::MAX, &of_own).is_some());
        assert_eq!(too_full_for(u64::MAX, &[]), None, "nobody sets a limit");
    }

    #[test]
    fn a_small_request_leaves_no_more_than_its_own_size() {
        let nearly_full = [group("/a", 96 * MIB, 96 * MIB - 8192)];
        assert_eq!(too_full_for(4096, &nearly_full), None);
        assert!(too_full_for(4097, &nearly_full).is_some());
        let over = [group("/a", 10, 12)];
        assert_eq!(too_full_for(1, &over).unwrap().excess().memory, 4);
    }
}
