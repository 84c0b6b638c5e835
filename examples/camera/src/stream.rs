//! The frames of one run: each is written into a slot and sent, for as long as somebody listens.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use camera::clock::{Pace, unix_ns};
use camera::input::{BYTES_PER_PIXEL, Filled, Input};
use camera::stop::Stop;
use zenoh_pinned::{AllocError, PinnedPool, Slot};

use crate::arguments::SourceArguments;
use crate::frame_header::{FrameHeader, FrameInfo};
use crate::frame_publisher::FramePublisher;

/// Frames that can be on their way at once.
pub(crate) const SLOTS: u32 = 8;
/// How long one wait for a slot lasts; between two, the subscriber is looked after.
const SLOT_WAIT: Duration = Duration::from_millis(500);
/// A subscriber that releases no slot in this time is taken to be stuck.
const STUCK: Duration = Duration::from_secs(20);
const DRAIN: Duration = Duration::from_secs(5);

pub(crate) struct Stream<'a> {
    pub(crate) publisher: &'a FramePublisher<'a>,
    pub(crate) pool: &'a PinnedPool,
    pub(crate) source: &'a SourceArguments,
    pub(crate) input: Input,
    /// Says that nobody is left to receive the frames, as far as the caller knows.
    pub(crate) deserted: &'a dyn Fn() -> bool,
    pub(crate) stop: &'a Stop,
}

#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) frames: u64,
    pub(crate) frames_per_second: Option<f64>,
    pub(crate) deserted: bool,
    /// What went wrong, one sentence each.
    pub(crate) problems: Vec<String>,
}

enum Step {
    Sent,
    Stopped,
    Deserted,
}

pub(crate) fn frame_bytes(source: &SourceArguments) -> anyhow::Result<usize> {
    let pixels = u64::from(source.width) * u64::from(source.height);
    Ok(usize::try_from(pixels * BYTES_PER_PIXEL)?)
}

pub(crate) fn open_input(source: &SourceArguments) -> anyhow::Result<Input> {
    let SourceArguments { width, height, .. } = *source;
    Input::open(source.input.as_deref(), width, height)
}

pub(crate) fn make_pool(source: &SourceArguments) -> anyhow::Result<PinnedPool> {
    PinnedPool::builder()
        .name("camera")
        .slots(SLOTS)
        .slot_bytes(frame_bytes(source)?)
        .wait(SLOT_WAIT)
        .build()
        .context("The slots for the frames could not be made")
}

impl Stream<'_> {
    /// Sends all frames and the end marker, and waits until the subscriber has released them.
    pub(crate) fn send(mut self) -> Sent {
        let mut sent = Sent::default();
        let wanted = (self.source.frames > 0).then_some(self.source.frames);
        let mut pace = Pace::new(self.source.fps);
        let mut first = None;
        while wanted.is_none_or(|wanted| sent.frames < wanted) && !self.stop.requested() {
            match self.send_one(sent.frames, &mut pace) {
                Ok(Step::Sent) => {
                    let seconds = first
                        .get_or_insert_with(Instant::now)
                        .elapsed()
                        .as_secs_f64();
                    sent.frames_per_second =
                        (sent.frames > 0).then_some(sent.frames as f64 / seconds);
                    sent.frames += 1;
                }
                Ok(Step::Stopped) => break,
                Ok(Step::Deserted) => {
                    sent.deserted = true;
                    break;
                }
                Err(error) => {
                    sent.problems.push(format!("{error:#}"));
                    break;
                }
            }
        }
        let end = FrameHeader::End {
            frames: sent.frames,
        };
        if let Err(error) = self.publisher.put(Vec::new().into(), end) {
            sent.problems.push(format!("{error:#}"));
        }
        // What a subscriber that is gone held is not released any more.
        if !sent.deserted
            && let Err(error) = self.pool.drain(DRAIN)
        {
            sent.problems.push(format!("{error}."));
        }
        sent
    }

    fn send_one(&mut self, sequence: u64, pace: &mut Pace) -> anyhow::Result<Step> {
        let Some(mut slot) = self.free_slot()? else {
            return Ok(if self.stop.requested() {
                Step::Stopped
            } else {
                Step::Deserted
            });
        };
        if self.input.fill(&mut slot, self.stop)? == Filled::Stopped {
            return Ok(Step::Stopped);
        }
        let crc32 = crc32fast::hash(&slot);
        pace.wait(self.stop);
        if self.is_deserted() {
            return Ok(Step::Deserted);
        }
        let info = FrameInfo {
            sequence,
            published_ns: unix_ns(),
            crc32,
            width: self.source.width,
            height: self.source.height,
        };
        self.publisher
            .put(slot.into_shm(), FrameHeader::Frame(info))?;
        Ok(Step::Sent)
    }

    /// None where the end was requested, or nobody listens any more.
    fn free_slot(&self) -> anyhow::Result<Option<Slot>> {
        let bytes = frame_bytes(self.source)?;
        let since = Instant::now();
        loop {
            match self.pool.alloc(bytes) {
                Ok(slot) => return Ok(Some(slot)),
                Err(AllocError::TimedOut { .. }) if self.stop.requested() || self.is_deserted() => {
                    return Ok(None);
                }
                Err(AllocError::TimedOut { .. }) if since.elapsed() < STUCK => {}
                Err(AllocError::TimedOut { .. }) => {
                    return Err(anyhow!(
                        "The subscriber has not released a frame for {} s and is taken to be stuck. \
                         Start it again.",
                        STUCK.as_secs()
                    ));
                }
                Err(error) => return Err(error).context("No slot for the next frame"),
            }
        }
    }

    fn is_deserted(&self) -> bool {
        (self.deserted)() || !self.publisher.somebody_listens()
    }
}
