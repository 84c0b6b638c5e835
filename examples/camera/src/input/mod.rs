//! Where the frames come from.

mod clip;
mod ffmpeg;
mod pattern;

use std::path::Path;

use anyhow::bail;

use self::clip::Decoder;
use self::pattern::Pattern;
use crate::stop::Stop;

/// RGBA, one byte each.
pub const BYTES_PER_PIXEL: u64 = 4;

/// A source of RGBA frames, which are written where the caller wants them.
pub struct Input(Source);

enum Source {
    Decoder(Decoder),
    Pattern(Pattern),
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// All of it was written.
    Frame,
    /// The end was requested before the frame was complete.
    Stopped,
}

impl Input {
    /// Opens a video file, `/dev/videoN`, or "pattern" for a test pattern; the clip that ships with this
    /// example where none is named.
    pub fn open(input: Option<&str>, width: u32, height: u32) -> anyhow::Result<Self> {
        let decoder = match input {
            Some("pattern") => return Ok(Self(Source::Pattern(Pattern::new(width)))),
            None => Decoder::built_in_clip(&ffmpeg::find()?, width, height)?,
            Some(path) => {
                let path = Path::new(path);
                if !path.exists() {
                    bail!(
                        "The input {} does not exist. Give a video file, /dev/videoN or \"pattern\", \
                         or leave --input out for the clip that ships with this example.",
                        path.display()
                    );
                }
                Decoder::file_or_camera(&ffmpeg::find()?, path, width, height)?
            }
        };
        Ok(Self(Source::Decoder(decoder)))
    }

    /// Writes every byte of the next frame.
    pub fn fill(&mut self, frame: &mut [u8], stop: &Stop) -> anyhow::Result<Filled> {
        match &mut self.0 {
            Source::Decoder(decoder) => decoder.fill(frame, stop),
            Source::Pattern(pattern) => {
                pattern.fill(frame);
                Ok(Filled::Frame)
            }
        }
    }
}
