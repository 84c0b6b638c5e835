//! What travels with each frame, as the zenoh attachment of its message.

use std::fmt;

use camera::input::BYTES_PER_PIXEL;

const MAGIC: [u8; 4] = *b"ZPCF";
const VERSION: u16 = 1;
const FLAG_END: u16 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameHeader {
    Frame(FrameInfo),
    /// The stream is over after this many frames.
    End {
        frames: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameInfo {
    pub(crate) sequence: u64,
    /// Nanoseconds since 1970, taken just before the frame was handed to zenoh.
    pub(crate) published_ns: u64,
    pub(crate) crc32: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    Length(usize),
    Magic,
    Version(u16),
    Flags(u16),
    Dimensions {
        width: u32,
        height: u32,
        payload: usize,
    },
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(
                f,
                "its header has {length} bytes instead of {}",
                FrameHeader::BYTES
            ),
            Self::Magic => write!(f, "its header is not that of a camera frame"),
            Self::Version(version) => write!(
                f,
                "its header has version {version}, and this program reads version {VERSION}"
            ),
            Self::Flags(flags) => write!(f, "its header has unknown flags ({flags:#06x})"),
            Self::Dimensions {
                width,
                height,
                payload,
            } => write!(
                f,
                "it has {payload} bytes, which are not the {width}x{height} pixels of its header"
            ),
        }
    }
}

impl std::error::Error for HeaderError {}

impl FrameHeader {
    pub(crate) const BYTES: usize = 36;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let (flags, info) = match self {
            Self::Frame(info) => (0, info),
            Self::End { frames } => {
                let info = FrameInfo {
                    sequence: frames,
                    published_ns: 0,
                    crc32: 0,
                    width: 0,
                    height: 0,
                };
                (FLAG_END, info)
            }
        };
        let mut bytes = [0; Self::BYTES];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[6..8].copy_from_slice(&flags.to_le_bytes());
        bytes[8..16].copy_from_slice(&info.sequence.to_le_bytes());
        bytes[16..24].copy_from_slice(&info.published_ns.to_le_bytes());
        bytes[24..28].copy_from_slice(&info.crc32.to_le_bytes());
        bytes[28..32].copy_from_slice(&info.width.to_le_bytes());
        bytes[32..36].copy_from_slice(&info.height.to_le_bytes());
        bytes
    }

    /// Reads a header that may come from anyone, for a payload of this many bytes.
    pub(crate) fn parse(bytes: &[u8], payload: usize) -> Result<Self, HeaderError> {
        let bytes: &[u8; Self::BYTES] = bytes
            .try_into()
            .map_err(|_| HeaderError::Length(bytes.len()))?;
        if field::<4>(bytes, 0) != MAGIC {
            return Err(HeaderError::Magic);
        }
        let version = u16::from_le_bytes(field(bytes, 4));
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        let info = FrameInfo {
            sequence: u64::from_le_bytes(field(bytes, 8)),
            published_ns: u64::from_le_bytes(field(bytes, 16)),
            crc32: u32::from_le_bytes(field(bytes, 24)),
            width: u32::from_le_bytes(field(bytes, 28)),
            height: u32::from_le_bytes(field(bytes, 32)),
        };
        match u16::from_le_bytes(field(bytes, 6)) {
            FLAG_END => Ok(Self::End {
                frames: info.sequence,
            }),
            0 if info.payload_bytes() == u64::try_from(payload).ok() && payload > 0 => {
                Ok(Self::Frame(info))
            }
            0 => Err(HeaderError::Dimensions {
                width: info.width,
                height: info.height,
                payload,
            }),
            flags => Err(HeaderError::Flags(flags)),
        }
    }
}

impl FrameInfo {
    /// None where that would not fit 64 bits.
    fn payload_bytes(&self) -> Option<u64> {
        (u64::from(self.width) * u64::from(self.height)).checked_mul(BYTES_PER_PIXEL)
    }
}

fn field<const N: usize>(bytes: &[u8; FrameHeader::BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes[at + index])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> FrameHeader {
        FrameHeader::Frame(FrameInfo {
            sequence: 7,
            published_ns: 1_700_000_000_000_000_000,
            crc32: 0xdead_beef,
            width: 4,
            height: 3,
        })
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(FrameHeader::parse(&header().to_bytes(), 48), Ok(header()));
        let end = FrameHeader::End { frames: 300 };
        assert_eq!(FrameHeader::parse(&end.to_bytes(), 0), Ok(end));
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = header().to_bytes();
        for length in 0..bytes.len() {
            assert_eq!(
                FrameHeader::parse(&bytes[..length], 48),
                Err(HeaderError::Length(length))
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(
            FrameHeader::parse(&longer, 48),
            Err(HeaderError::Length(37))
        );
    }

    #[test]
    fn a_wrong_magic_version_or_flag_is_refused() {
        let mut bytes = header().to_bytes();
        bytes[0] ^= 1;
        assert_eq!(FrameHeader::parse(&bytes, 48), Err(HeaderError::Magic));
        let mut bytes = header().to_bytes();
        bytes[4] = 2;
        assert_eq!(FrameHeader::parse(&bytes, 48), Err(HeaderError::Version(2)));
        let mut bytes = header().to_bytes();
        bytes[7] = 0x80;
        assert_eq!(
            FrameHeader::parse(&bytes, 48),
            Err(HeaderError::Flags(0x8000))
        );
    }

    #[test]
    fn dimensions_that_do_not_fit_the_payload_are_refused() {
        let bytes = header().to_bytes();
        assert!(matches!(
            FrameHeader::parse(&bytes, 47),
            Err(HeaderError::Dimensions { payload: 47, .. })
        ));
        let mut huge = bytes;
        huge[28..36].fill(0xff);
        assert!(matches!(
            FrameHeader::parse(&huge, 48),
            Err(HeaderError::Dimensions {
                width: u32::MAX,
                ..
            })
        ));
        let mut empty = bytes;
        empty[28..36].fill(0);
        assert!(matches!(
            FrameHeader::parse(&empty, 0),
            Err(HeaderError::Dimensions { payload: 0, .. })
        ));
    }
}
