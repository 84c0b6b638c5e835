//! Where a matrix lies, for the log: with `RUST_LOG=debug` whoever doubts it sees that nobody copies it.

/// Says which file of shared memory the bytes are mapped from, and where in it they lie.
pub(super) fn log(what: &str, matrix: u64, bytes: &[u8]) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        let place = place_of(bytes).unwrap_or_else(|| String::from("ordinary memory"));
        tracing::debug!(matrix, place, "{what}");
    }
}

/// The inode and the offset there; `None` for memory that is no file's.
fn place_of(bytes: &[u8]) -> Option<String> {
    let address = bytes.as_ptr() as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let hexadecimal = |text| usize::from_str_radix(text, 16).ok();
        let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
        let offset = hexadecimal(fields.nth(1)?)?;
        let inode: u64 = fields.nth(1)?.parse().ok()?;
        let is_there = inode != 0 && (start..end).contains(&address);
        is_there.then(|| format!("file {inode} at {}", offset + address - start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_memory_of_a_file_has_a_place() {
        assert_eq!(place_of(&vec![0; 1 << 20]), None);
        let pool = zenoh_pinned::PinnedPool::builder()
            .slots(2)
            .slot_bytes(4096);
        let pool = pool.build().unwrap();
        let (first, second) = (pool.alloc(1).unwrap(), pool.alloc(1).unwrap());
        let (first, second) = (place_of(&first).unwrap(), place_of(&second).unwrap());
        let file = |place: &str| place.split(" at ").next().map(str::to_owned);
        assert_eq!(file(&first), file(&second));
        assert_ne!(first, second);
    }
}
