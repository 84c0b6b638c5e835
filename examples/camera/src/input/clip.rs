//! Decodes a video with an ffmpeg process, whose pipe is read straight into the frame.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, anyhow};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::MemfdFlags;

use super::Filled;
use crate::capture::Capture;
use crate::stop::Stop;

/// In the program itself, so that it can be run from anywhere.
static CLIP: &[u8] = include_bytes!("../../clip/bigbuckbunny.mp4");
/// What an unprivileged process may ask for; the default of 64 KiB takes 16 times as many reads.
const PIPE_BYTES: usize = 1 << 20;
const STOP_CHECK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

pub(crate) struct Decoder {
    ffmpeg: Child,
    frames: ChildStdout,
    errors: Option<Capture>,
    what: String,
    /// ffmpeg opens this file by its number in our process.
    _clip: Option<File>,
}

impl Decoder {
    /// The clip that ships with this example, over and over.
    pub(crate) fn built_in_clip(ffmpeg: &Path, width: u32, height: u32) -> anyhow::Result<Self> {
        let mut clip = rustix::fs::memfd_create("camera-clip", MemfdFlags::CLOEXEC)
            .map(File::from)
            .context("No memory file could be made for the clip")?;
        clip.write_all(CLIP)
            .context("The clip could not be written to memory")?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), clip.as_raw_fd());
        let input = ["-stream_loop", "-1", "-i", &path].map(OsString::from);
        let what = "the clip that ships with this example".to_owned();
        Self::start(ffmpeg, &input, what, Some(clip), width, height)
    }

    /// A file is decoded over and over, a camera for as long as it delivers.
    pub(crate) fn file_or_camera(
        ffmpeg: &Path,
        path: &Path,
        width: u32,
        height: u32,
    ) -> anyhow::Result<Self> {
        let options: &[&str] = match path.starts_with("/dev") {
            true => &["-f", "v4l2", "-i"],
            false => &["-stream_loop", "-1", "-i"],
        };
        let mut input: Vec<_> = options.iter().map(OsString::from).collect();
        // Without "file:", a name with a colon would be taken for a protocol.
        let mut name = OsString::from(if path.starts_with("/dev") {
            ""
        } else {
            "file:"
        });
        name.push(path);
        input.push(name);
        Self::start(
            ffmpeg,
            &input,
            path.display().to_string(),
            None,
            width,
            height,
        )
    }

    fn start(
        ffmpeg: &Path,
        input: &[OsString],
        what: String,
        clip: Option<File>,
        width: u32,
        height: u32,
    ) -> anyhow::Result<Self> {
        let mut ffmpeg = Command::new(ffmpeg)
            .args(["-nostdin", "-hide_banner", "-loglevel", "error"])
            .args(input)
            .args(["-map", "0:v:0", "-vf", &format!("scale={width}:{height}")])
            .args(["-pix_fmt", "rgba", "-f", "rawvideo", "pipe:1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C must not reach ffmpeg: the frame being decoded would be cut short.
            .process_group(0)
            .spawn()
            .with_context(|| format!("{} could not be started", ffmpeg.display()))?;
        let errors = ffmpeg.stderr.take().map(Capture::start);
        let frames = ffmpeg
            .stdout
            .take()
            .context("ffmpeg has no pipe to write frames to")?;
        // Best effort: a smaller pipe only costs more reads.
        let _ = rustix::pipe::fcntl_setpipe_size(&frames, PIPE_BYTES);
        Ok(Self {
            ffmpeg,
            frames,
            errors,
            what,
            _clip: clip,
        })
    }

    pub(crate) fn fill(&mut self, frame: &mut [u8], stop: &Stop) -> anyhow::Result<Filled> {
        let mut rest = frame;
        while !rest.is_empty() {
            if stop.requested() {
                return Ok(Filled::Stopped);
            }
            if !self.has_more()? {
                continue;
            }
            match self.frames.read(rest) {
                Ok(0) => return Err(self.why_it_ended()),
                Ok(length) => rest = &mut rest[length..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("The frames of ffmpeg could not be read"),
            }
        }
        Ok(Filled::Frame)
    }

    /// Waits a little, since a camera can stall for good.
    fn has_more(&self) -> anyhow::Result<bool> {
        let mut pipe = [PollFd::new(&self.frames, PollFlags::IN)];
        match rustix::event::poll(&mut pipe, Some(&STOP_CHECK)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error).context("The pipe of ffmpeg cannot be waited for"),
        }
    }

    fn why_it_ended(&mut self) -> anyhow::Error {
        let status = self.ffmpeg.wait();
        let errors = self.errors.take().map(Capture::text).unwrap_or_default();
        let said = if errors.is_empty() {
            "It gave no reason."
        } else {
            errors.as_str()
        };
        match status {
            Ok(status) if status.success() => {
                anyhow!("{} has no more frames. {said}", self.what)
            }
            Ok(status) => anyhow!("ffmpeg could not decode {} ({status}):\n{said}", self.what),
            Err(error) => anyhow!("ffmpeg could not decode {} ({error}):\n{said}", self.what),
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // Both fail only where ffmpeg has already ended and been waited for.
        let _ = self.ffmpeg.kill();
        let _ = self.ffmpeg.wait();
    }
}
