//! Shared memory that this process has, as the kernel shows it.

use std::collections::BTreeMap;

use crate::Outcome;

/// The bytes of the files in `/dev/shm` that this process has mapped, however often and in however many parts.
pub fn shared_bytes() -> Outcome<u64> {
    Ok(bytes_of(&std::fs::read_to_string("/proc/self/maps")?))
}

fn bytes_of(maps: &str) -> u64 {
    let mut ends = BTreeMap::<&str, u64>::new();
    for line in maps.lines().filter(|line| line.contains("/dev/shm/")) {
        if let Some((inode, end)) = part_of(line) {
            let known = ends.entry(inode).or_default();
            *known = end.max(*known);
        }
    }
    ends.values().sum()
}

/// Whose part a mapping is, and where in its file it ends; see proc(5).
fn part_of(line: &str) -> Option<(&str, u64)> {
    let mut fields = line.split_ascii_whitespace();
    let (begin, end) = fields.next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let offset = number(fields.nth(1)?)?;
    Some((fields.nth(1)?, offset + number(end)? - number(begin)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_mapped_in_parts_and_twice_counts_once() {
        let maps = "\
7f0000000000-7f0000001000 rw-s 00000000 00:1b 17   /dev/shm/a.zenoh
7f0000001000-7f0000004000 r--s 00001000 00:1b 17   /dev/shm/a.zenoh
7f1000000000-7f1000004000 rw-s 00000000 00:1b 17   /dev/shm/a.zenoh
7f2000000000-7f2000002000 rw-s 00000000 00:1b 18   /dev/shm/b.zenoh
7f3000000000-7f3000002000 r-xp 00000000 fe:01 18   /usr/lib/libc.so.6
";
        assert_eq!(bytes_of(maps), 0x6000);
    }
}
