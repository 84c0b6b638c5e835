//! The first eight bytes: what follows, and in which version.

use super::DecodeError;

const MARK: [u8; 6] = *b"zp-oip";
const VERSION: u8 = 1;

/// Whether it is a request or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Answer,
}

impl Kind {
    const fn letter(self) -> u8 {
        match self {
            Self::Request => b'q',
            Self::Answer => b'a',
        }
    }

    pub(super) const fn magic(self) -> [u8; 8] {
        let [a, b, c, d, e, f] = MARK;
        [a, b, c, d, e, f, self.letter(), VERSION]
    }

    /// Whether these eight bytes begin one of this kind.
    pub(super) fn check(self, magic: [u8; 8]) -> Result<(), DecodeError> {
        let [a, b, c, d, e, f, letter, version] = magic;
        if [a, b, c, d, e, f] != MARK {
            return Err(DecodeError::Foreign);
        }
        if version != VERSION {
            return Err(DecodeError::Version { got: version });
        }
        if letter != self.letter() {
            return Err(match self {
                Self::Request => DecodeError::NoRequest,
                Self::Answer => DecodeError::NoAnswer,
            });
        }
        Ok(())
    }
}
