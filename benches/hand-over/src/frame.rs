//! A frame: every byte is written by its producer, and a few are compared by its consumer.
//!
//! Three words of 64 bits in front: its number, when it was sent (nanoseconds of CLOCK_MONOTONIC), and the pattern that
//! fills the rest.

const HEAD_WORDS: usize = 3;
/// Where the turn lies in a number; below it is the frame's place in the turn.
const TURN_SHIFT: u32 = 40;
/// After this there is none.
const LAST: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// Not counted.
    WarmUp,
    /// Turns and frames are counted from 1 and from 0.
    Counted {
        turn: u64,
        index: u64,
    },
    Last,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub number: Number,
    pub sent: u64,
}

impl Number {
    fn word(self) -> u64 {
        match self {
            Self::WarmUp => 0,
            Self::Counted { turn, index } => turn << TURN_SHIFT | index,
            Self::Last => LAST,
        }
    }

    fn of(word: u64) -> Self {
        match word {
            LAST => Self::Last,
            _ if word >> TURN_SHIFT == 0 => Self::WarmUp,
            _ => Self::Counted {
                turn: word >> TURN_SHIFT,
                index: word & ((1 << TURN_SHIFT) - 1),
            },
        }
    }
}

fn pattern(number: u64) -> u64 {
    (number ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Writes every byte but the time of sending, which [`stamp`] adds.
pub fn write(bytes: &mut [u8], number: Number) {
    let (words, _) = bytes.as_chunks_mut::<8>();
    let number = number.word();
    words.fill(pattern(number).to_ne_bytes());
    if let [first, ..] = words {
        *first = number.to_ne_bytes();
    }
}

pub fn stamp(bytes: &mut [u8], sent: u64) {
    let (words, _) = bytes.as_chunks_mut::<8>();
    if let [_, second, ..] = words {
        *second = sent.to_ne_bytes();
    }
}

/// `None` where the bytes are no frame of that size, or not one's own from the beginning to the end.
pub fn read(bytes: &[u8], expected_bytes: usize) -> Option<Head> {
    let (words, _) = bytes.as_chunks::<8>();
    let word = |index: usize| words.get(index).map(|word| u64::from_ne_bytes(*word));
    let number = word(0)?;
    let places = [HEAD_WORDS - 1, words.len() / 2, words.len() - 1];
    let is_whole = bytes.len() == expected_bytes && places.map(word) == [Some(pattern(number)); 3];
    is_whole.then_some(Head {
        number: Number::of(number),
        sent: word(1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_its_number_and_time_and_a_changed_byte_shows() {
        for number in [
            Number::WarmUp,
            Number::Counted { turn: 3, index: 7 },
            Number::Last,
        ] {
            let mut bytes = vec![0; 64];
            write(&mut bytes, number);
            stamp(&mut bytes, 1234);
            let head = Head { number, sent: 1234 };
            assert_eq!(read(&bytes, 64), Some(head));
            assert_eq!(read(&bytes[..56], 64), None);
            for changed in [0, 16, 32, 63] {
                let mut bytes = bytes.clone();
                bytes[changed] ^= 1;
                assert_eq!(read(&bytes, 64), None, "byte {changed}");
            }
        }
    }
}
