//! On which NUMA nodes a process's zenoh segments lie: a device that reads them over another node reads slower.

use std::collections::BTreeMap;

/// Pages of this process's zenoh segments by NUMA node, of those that it has touched; empty where the kernel does not
/// tell.
pub fn of_segments() -> BTreeMap<u32, u64> {
    let text = std::fs::read_to_string("/proc/self/numa_maps").unwrap_or_default();
    read(&text)
}

fn read(text: &str) -> BTreeMap<u32, u64> {
    let mut pages = BTreeMap::new();
    let segments = text
        .lines()
        .filter(|line| line.contains("file=/dev/shm/") && line.contains(".zenoh"));
    for word in segments.flat_map(str::split_ascii_whitespace) {
        let node = word
            .strip_prefix('N')
            .and_then(|word| word.split_once('='))
            .and_then(|(node, count)| Some((node.parse().ok()?, count.parse().ok()?)));
        if let Some((node, count)) = node {
            let _: &mut u64 = pages
                .entry(node)
                .and_modify(|pages| *pages += count)
                .or_insert(count);
        }
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_zenoh_segments_are_counted_each_at_its_node() {
        let text = "7f00 default file=/dev/shm/123.zenoh dirty=30 N0=10 N1=20 kernelpagesize_kB=4\n\
                    7f01 default file=/dev/shm/9.zenoh dirty=1 N1=1 kernelpagesize_kB=4\n\
                    7f02 default file=/dev/shm/other N0=99\n7f03 default anon=4 N0=4\n";
        assert_eq!(read(text), BTreeMap::from([(0, 10), (1, 21)]));
        assert!(read("").is_empty());
    }
}
