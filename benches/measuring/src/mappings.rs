//! Whether bytes lie in a zenoh segment.

use std::ops::Range;

/// Ranges that were looked up before: asking the kernel for each frame would be measured too.
#[derive(Default)]
pub struct Mappings {
    known: Vec<(Range<usize>, bool)>,
}

impl Mappings {
    /// Whether the byte at this address does.
    pub fn is_shared(&mut self, address: usize) -> bool {
        let known = self
            .known
            .iter()
            .find(|(range, _)| range.contains(&address));
        if let Some((_, shared)) = known {
            return *shared;
        }
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let found = maps.lines().find_map(|line| {
            let (start, rest) = line.split_once('-')?;
            let (end, rest) = rest.split_once(' ')?;
            let start = usize::from_str_radix(start, 16).ok()?;
            let range = start..usize::from_str_radix(end, 16).ok()?;
            let shared = rest.contains("/dev/shm/") && rest.contains(".zenoh");
            range.contains(&address).then_some((range, shared))
        });
        match found {
            // Memory that is not shared comes and goes.
            Some((range, true)) => {
                self.known.push((range, true));
                true
            }
            _ => false,
        }
    }
}
