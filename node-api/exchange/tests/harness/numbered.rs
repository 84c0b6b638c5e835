//! Records whose every word follows from a number, so that a torn one is seen.

use zenoh_pinned_exchange::{
    Observation, Record, ServerStatistics,
    bytemuck::{Pod, Zeroable},
};

const WORDS: usize = 360;

/// As large as an observation.
#[derive(Clone, Copy, Pod, Zeroable)]
#[bytemuck(crate = "zenoh_pinned_exchange::bytemuck")]
#[repr(C)]
pub struct Numbered {
    pub words: [u64; WORDS],
}

impl Record for Numbered {
    const NAME: &str = "a number and what follows from it";
}

impl Numbered {
    pub fn of(number: u64) -> Self {
        let mut record = Self::zeroed();
        record.become_of(number);
        record
    }

    pub fn become_of(&mut self, number: u64) {
        for (index, word) in self.words.iter_mut().enumerate() {
            *word = number.wrapping_add(index as u64);
        }
    }

    pub fn is_of(&self, number: u64) -> bool {
        let wrong = |(index, word): (usize, &u64)| *word ^ number.wrapping_add(index as u64);
        // Every word, without leaving early: that a tear is where it hurts least must not hide it.
        self.words
            .iter()
            .enumerate()
            .map(wrong)
            .fold(0, |a, b| a | b)
            == 0
    }

    /// Whether all words belong together, whichever number it is.
    pub fn is_whole(&self) -> bool {
        self.is_of(self.words[0])
    }
}

/// An observation whose statistics follow from its time.
pub fn observation(tag: u64) -> Observation {
    Observation {
        timestamp_us: tag,
        active_as_bitmap: u64::MAX,
        as_stats: statistics(tag),
        ..Observation::default()
    }
}

fn statistics(tag: u64) -> [ServerStatistics; 64] {
    std::array::from_fn(|server| ServerStatistics {
        n_flow_on: (tag as u32).wrapping_add(server as u32),
        reservoir_features: [((tag as u32 & 0xffff) + server as u32) as f32; 10],
    })
}

pub fn is_whole(observation: &Observation, sequence: u64) -> bool {
    observation.sequence_id == sequence
        && observation.num_active_as == 64
        && observation.as_stats == statistics(observation.timestamp_us)
}

/// Weights that follow from the number of the observation that they answer.
pub fn weights(sequence: u64) -> [f32; 64] {
    std::array::from_fn(|server| (1 + (sequence + server as u64) % 1000) as f32)
}
