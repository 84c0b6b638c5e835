//! What is in a frame: words that tell the frame's number and their own place in it.

/// Bytes of a 1920x1080 RGBA frame.
pub const FULL_HD: usize = 1920 * 1080 * 4;

pub fn fill(frame: u64, bytes: &mut [u8]) {
    for (place, word) in bytes.chunks_exact_mut(8).enumerate() {
        word.copy_from_slice(&word_at(frame, place).to_le_bytes());
    }
}

pub fn is_equal(frame: u64, bytes: &[u8]) -> bool {
    let mut words = bytes.chunks_exact(8).enumerate();
    words.all(|(place, word)| word == word_at(frame, place).to_le_bytes())
}

fn word_at(frame: u64, place: usize) -> u64 {
    frame << 32 | place as u64
}

/// Nanoseconds of the clock that all processes of a host share, and Python's `time.monotonic_ns()`.
pub fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure is valid for writing.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Whether the address lies in a mapped zenoh segment.
pub fn is_shared(address: *const u8) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().any(|line| {
        let Some((start, rest)) = line.split_once('-') else {
            return false;
        };
        let end = rest.split(' ').next().unwrap_or_default();
        let range = |text| usize::from_str_radix(text, 16).unwrap_or(0);
        (range(start)..range(end)).contains(&(address as usize))
            && line.contains("/dev/shm/")
            && line.contains(".zenoh")
    })
}
