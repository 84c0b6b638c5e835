//! Frames that say which they are in every word, and the table of what has come.

use std::collections::HashMap;

pub const BYTES: usize = 1024;

/// Who publishes: the number of a publisher and how often it was started, and the number of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub life: u32,
    pub number: u32,
}

pub fn fill(bytes: &mut [u8], name: Name) {
    let word = u64::from(name.life) << 32 | u64::from(name.number);
    for chunk in bytes.chunks_exact_mut(8) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
}

/// Which frame the bytes are, all of them.
pub fn name_of(bytes: &[u8]) -> Name {
    assert_eq!(bytes.len(), BYTES);
    let first: [u8; 8] = bytes[..8].try_into().unwrap();
    assert!(bytes.chunks_exact(8).all(|chunk| chunk == first), "torn");
    let word = u64::from_le_bytes(first);
    Name {
        life: (word >> 32) as u32,
        number: word as u32,
    }
}

/// What has come of each publisher's life.
#[derive(Default)]
pub struct Came {
    lives: HashMap<u32, Life>,
}

#[derive(Clone, Copy, Default)]
pub struct Life {
    pub first: u32,
    pub last: u32,
    pub frames: u64,
    pub missing: u64,
}

impl Came {
    /// Gives how many are missing in front of this one; panics where it is doubled or out of order.
    pub fn comes(&mut self, name: Name) -> u64 {
        let Name { life, number } = name;
        let known = self.lives.entry(life).or_insert(Life {
            first: number,
            last: number.wrapping_sub(1),
            ..Life::default()
        });
        let next = known.last.wrapping_add(1);
        assert!(
            known.frames == 0 || number >= next,
            "{name:?} comes after {}: doubled or out of order",
            known.last
        );
        let missing = u64::from(number - next);
        known.missing += missing;
        known.last = number;
        known.frames += 1;
        missing
    }

    /// Each life: its name, first and last number, how many came and how many are missing between.
    pub fn summary(&self) -> String {
        let lives = self.lives.iter().map(|(name, life)| {
            let Life {
                first,
                last,
                frames,
                missing,
            } = life;
            format!("{name}:{first}:{last}:{frames}:{missing}")
        });
        lives.collect::<Vec<_>>().join(" ")
    }
}

/// What [`Came::summary`] says.
pub fn lives_in(summary: &str) -> HashMap<u32, Life> {
    let lives = summary.split_ascii_whitespace().filter_map(|life| {
        let numbers: Vec<u64> = life
            .split(':')
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()?;
        let [name, first, last, frames, missing] = numbers[..] else {
            return None;
        };
        let life = Life {
            first: first as u32,
            last: last as u32,
            frames,
            missing,
        };
        Some((name as u32, life))
    });
    lives.collect()
}
