//! Where the frames come from.

mod clip;
mod ffmpeg;
mod pattern;

use std::path::Path;

use anyhow::bail;

use self::clip::Decoder;
use self::pattern::Pattern;
use crate::arguments::SourceArguments;
use crate::stop::Stop;

pub(crate) enum Input {
    Decoder(Decoder),
    Pattern(Pattern),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    Frame,
    /// The end was requested before the frame was complete.
    Stopped,
}

impl Input {
    pub(crate) fn open(arguments: &SourceArguments) -> anyhow::Result<Self> {
        let SourceArguments { width, height, .. } = *arguments;
        let decoder = match arguments.input.as_deref() {
            Some("pattern") => return Ok(Self::Pattern(Pattern::new(width))),
            None => {
                let ffmpeg = ffmpeg::find(arguments.ffmpeg.as_deref())?;
                Decoder::built_in_clip(&ffmpeg, width, height)?
            }
            Some(path) => {
                let path = Path::new(path);
                if !path.exists() {
                    bail!(
                        "The input {} does not exist. Give a video file, /dev/videoN or \"pattern\", \
                         or leave --input out for the clip that ships with this example.",
                        path.display()
                    );
                }
                let ffmpeg = ffmpeg::find(arguments.ffmpeg.as_deref())?;
                Decoder::file_or_camera(&ffmpeg, path, width, height)?
            }
        };
        Ok(Self::Decoder(decoder))
    }

    /// Writes every byte of the next frame.
    pub(crate) fn fill(&mut self, frame: &mut [u8], stop: &Stop) -> anyhow::Result<Filled> {
        match self {
            Self::Decoder(decoder) => decoder.fill(frame, stop),
            Self::Pattern(pattern) => {
                pattern.fill(frame);
                Ok(Filled::Frame)
            }
        }
    }
}
