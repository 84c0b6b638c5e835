//! Processors, NUMA node and huge pages of a worker: what it is to have, and what it has.
//!
//! What the kernel refuses is left as it was: the worker starts all the same, and tells what it has.

use std::{fs, mem::size_of};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// set_mempolicy(2): from this node where it has memory, from others where it has none.
const MPOL_PREFERRED: libc::c_long = 1;
/// glibc asks for huge pages (madvise) for what malloc takes from the kernel.
pub(crate) const HUGE_PAGES_VARIABLE: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
const THP: &str = "/sys/kernel/mm/transparent_hugepage/enabled";
const NODES: &str = "/sys/devices/system/node";

/// What a worker is to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Placement {
    /// By number; empty for any.
    pub(crate) processors: Vec<usize>,
    /// Whose memory is preferred.
    pub(crate) node: Option<u32>,
    pub(crate) huge_pages: bool,
}

impl Placement {
    /// Applies it to this thread and what it begins. Between fork and exec: system calls only.
    pub(super) fn apply(&self) {
        if !self.processors.is_empty() {
            let mut set = CpuSet::new();
            let known = self.processors.iter().filter(|at| **at < CpuSet::MAX_CPU);
            known.for_each(|at| set.set(*at));
            let _ = sched_setaffinity(None, &set);
        }
        if let Some(node) = self.node.filter(|node| *node < 64) {
            let mask: u64 = 1 << node;
            let bits = u64::BITS as usize + 1;
            // SAFETY: the mask lives until the call returns, and has as many bits as are said.
            unsafe {
                libc::syscall(
                    libc::SYS_set_mempolicy,
                    MPOL_PREFERRED,
                    &raw const mask,
                    bits,
                )
            };
        }
    }

    /// What this process has of it, in words, for whoever started it.
    pub(crate) fn outcome(&self) -> Vec<(String, String)> {
        let mut told = Vec::new();
        let mut tell = |what: &str, outcome: String| told.push((what.to_owned(), outcome));
        if !self.processors.is_empty() {
            tell("processors", processors_outcome(&self.processors));
        }
        if let Some(node) = self.node {
            tell("numa", node_outcome(node));
        }
        if self.huge_pages {
            tell("huge pages", huge_pages_outcome());
        }
        told
    }
}

fn processors_outcome(wanted: &[usize]) -> String {
    let Ok(set) = sched_getaffinity(None) else {
        return String::from("the kernel does not say");
    };
    let has: Vec<_> = (0..CpuSet::MAX_CPU).filter(|at| set.is_set(*at)).collect();
    match has == wanted {
        true => format!("set: {}", listed(&has)),
        false => format!(
            "has {}, as the kernel refused {}",
            listed(&has),
            listed(wanted)
        ),
    }
}

fn node_outcome(wanted: u32) -> String {
    let (mut mode, mut mask): (libc::c_int, [u64; 16]) = (0, [0; 16]);
    let bits = 8 * size_of::<[u64; 16]>();
    // SAFETY: both places live until the call returns, and the mask has as many bits as are said.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_get_mempolicy,
            &raw mut mode,
            mask.as_mut_ptr(),
            bits,
            std::ptr::null::<u8>(),
            0,
        )
    };
    let is_set = answer == 0 && mode == 1 && mask[0] == 1_u64 << (wanted % 64);
    match (is_set, nodes().len()) {
        (true, _) => format!("set: node {wanted}"),
        (false, 0 | 1) => String::from("nothing to choose: there is one node"),
        (false, _) => format!("the kernel refused node {wanted}"),
    }
}

fn huge_pages_outcome() -> String {
    match fs::read_to_string(THP) {
        Ok(modes) if modes.contains("[never]") => {
            format!("refused: {THP} says never; write madvise there as root")
        }
        Ok(_) => String::from("asked for: the kernel gives them where it has some"),
        Err(_) => String::from("refused: this kernel has none"),
    }
}

/// Numbers of the nodes of this machine.
pub(crate) fn nodes() -> Vec<u32> {
    let entries = fs::read_dir(NODES).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut nodes: Vec<u32> = names
        .filter_map(|name| name.strip_prefix("node")?.parse().ok())
        .collect();
    nodes.sort_unstable();
    nodes
}

/// Processors of a node.
pub(crate) fn processors_of(node: u32) -> Vec<usize> {
    let list = fs::read_to_string(format!("{NODES}/node{node}/cpulist"));
    list.ok()
        .and_then(|list| parsed(list.trim()))
        .unwrap_or_default()
}

/// Numbers as the kernel lists them: `0-3,8`.
pub(crate) fn parsed(list: &str) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    for part in list.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || last >= CpuSet::MAX_CPU {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

/// The reverse of [`parsed`].
pub(crate) fn listed(numbers: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => parts.push((*number, *number)),
        }
    }
    let parts = parts.into_iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    parts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_read_back() {
        for list in ["0", "0-3", "0-1,4,6-7"] {
            assert_eq!(listed(&parsed(list).unwrap()), list);
        }
        for bad in ["a", "3-1", "0-", "0-9999999"] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }
}
