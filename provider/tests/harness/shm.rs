//! What is in `/dev/shm`.

use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt};

/// The zenoh segments present, by inode: a name may be used again.
pub fn segments() -> BTreeSet<(u64, String)> {
    let entries = fs::read_dir("/dev/shm").unwrap().filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let inode = entry.metadata().ok()?.ino();
            name.ends_with(".zenoh").then_some((inode, name))
        })
        .collect()
}

/// The segments of this library: those that begin with its magic and carry the pool's name.
pub fn segments_of_pool(pool: &str) -> Vec<String> {
    let ours = |name: &String| {
        use std::io::Read;
        let mut header = [0u8; 104];
        let read = fs::File::open(format!("/dev/shm/{name}"))
            .and_then(|mut file| file.read_exact(&mut header));
        read.is_ok()
            && header.starts_with(b"ZPINNED\0")
            && header[40..].starts_with(pool.as_bytes())
    };
    segments()
        .into_iter()
        .map(|(_, name)| name)
        .filter(ours)
        .collect()
}

/// How a process has mapped or opened CUDA or another library: the lines of its maps that name it.
pub fn maps_naming(pid: u32, what: &str) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    maps.lines()
        .filter(|line| line.contains(what))
        .map(str::to_owned)
        .collect()
}

/// The zenoh segments that a process has mapped and that have a name.
pub fn mapped_by(pid: u32) -> BTreeSet<(u64, String)> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let inodes: BTreeSet<u64> = maps
        .lines()
        .filter(|line| line.contains("/dev/shm/"))
        .filter_map(|line| line.split_ascii_whitespace().nth(4)?.parse().ok())
        .collect();
    segments()
        .into_iter()
        .filter(|(inode, _)| inodes.contains(inode))
        .collect()
}
