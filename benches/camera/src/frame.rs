//! A camera's frame: every byte is written by its camera and read by its consumer.
//!
//! Four words of 64 bits, little-endian, in front: number, when writing began, when it was sent (nanoseconds of
//! CLOCK_MONOTONIC), and the pattern that fills the rest. The sum over all words of 32 bits follows from these four,
//! so a consumer can tell for each frame whether every byte arrived.

/// Bytes of a 1920x1080 RGBA frame.
pub const FRAME_BYTES: usize = 1920 * 1080 * 4;
const HEAD_WORDS: usize = 4;
/// Set in the number of each frame that counts; the others warm up.
pub const COUNTED: u64 = 1 << 63;
/// Where a camera's index lies in the number of its frames.
const CAMERA_SHIFT: u32 = 48;

/// What is written in front of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub number: u64,
    pub begun: u64,
    pub sent: u64,
    pattern: u64,
}

/// The frame's place in its camera's sequence, of the number that is written in front of it.
pub fn number_of(number: u64) -> u64 {
    number & ((1 << CAMERA_SHIFT) - 1)
}

/// Writes every byte but the time of sending, which [`stamp`] adds.
pub fn write(bytes: &mut [u8], camera: usize, number: u64, begun: u64) {
    let pattern = (number + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(camera as u64);
    let number = number | (camera as u64) << CAMERA_SHIFT;
    let (words, _) = bytes.as_chunks_mut::<8>();
    words.fill(pattern.to_le_bytes());
    let head = [number, begun, 0, pattern].map(u64::to_le_bytes);
    for (word, value) in words.iter_mut().zip(head) {
        *word = value;
    }
}

/// Notes when the frame is sent.
pub fn stamp(bytes: &mut [u8], sent: u64) {
    let (words, _) = bytes.as_chunks_mut::<8>();
    if let Some(word) = words.get_mut(2) {
        *word = sent.to_le_bytes();
    }
}

impl Head {
    /// The head of a frame; `None` where the bytes are none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != FRAME_BYTES {
            return None;
        }
        let (words, _) = bytes.as_chunks::<8>();
        let word = |index: usize| words.get(index).map(|word| u64::from_le_bytes(*word));
        Some(Self {
            number: word(0)?,
            begun: word(1)?,
            sent: word(2)?,
            pattern: word(3)?,
        })
    }

    /// Whether the frame counts.
    pub fn counts(&self) -> bool {
        self.number & COUNTED != 0
    }

    /// The index of its camera.
    pub fn camera(&self) -> usize {
        ((self.number & !COUNTED) >> CAMERA_SHIFT) as usize
    }

    /// The sum of all words of 32 bits of a frame of `bytes` bytes with this head.
    pub fn expected_sum(&self, bytes: usize) -> u64 {
        let halves = |word: u64| (word & 0xffff_ffff) + (word >> 32);
        let head = [self.number, self.begun, self.sent, self.pattern];
        let rest = (bytes / 8 - HEAD_WORDS) as u64;
        let head: u64 = head.into_iter().map(halves).sum();
        head.wrapping_add(halves(self.pattern).wrapping_mul(rest))
    }
}

/// The sum of all words of 32 bits. Lower and upper halves of 64-bit words are summed apart, which the compiler
/// turns into vector instructions.
pub fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    let (mut lower, mut upper) = (0u64, 0u64);
    for word in words {
        let word = u64::from_le_bytes(*word);
        lower = lower.wrapping_add(word & 0xffff_ffff);
        upper = upper.wrapping_add(word >> 32);
    }
    lower.wrapping_add(upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_frame_follows_from_its_head_and_a_changed_byte_shows() {
        let mut bytes = vec![0; FRAME_BYTES];
        write(&mut bytes, 1, 7, 1234);
        stamp(&mut bytes, 5678);
        let head = Head::read(&bytes).expect("a whole frame");
        assert_eq!((head.camera(), head.begun, head.sent), (1, 1234, 5678));
        assert!(!head.counts());
        assert_eq!(sum(&bytes), head.expected_sum(FRAME_BYTES));
        bytes[FRAME_BYTES - 1] ^= 1;
        assert_ne!(sum(&bytes), head.expected_sum(FRAME_BYTES));
        assert_eq!(Head::read(&bytes[1..]), None);
    }
}
