//! The subscriber's worker: brings each frame to the device and checks that it arrived whole.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use anyhow::Context as _;
use camera::clock::unix_ns;
use zenoh_pinned::cudarc::driver::{CudaContext, CudaStream};
use zenoh_pinned::{DevicePath, Frame};

use crate::frame_header::FrameInfo;
use crate::save_frame::Picture;
use crate::tally::Tally;

/// What the subscriber's callback hands over.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all messages are frames, and one is there at a time"
)]
pub(crate) enum Message {
    Frame {
        frame: Frame,
        info: FrameInfo,
        arrived_ns: u64,
    },
    Unreadable(String),
    End {
        frames: u64,
    },
}

pub(crate) struct Consumer {
    stream: Option<Arc<CudaStream>>,
    /// What came back from the device.
    from_device: Vec<u8>,
    keep_picture: bool,
    picture: Option<Picture>,
    tally: Tally,
}

pub(crate) struct Consumed {
    pub(crate) tally: Tally,
    pub(crate) picture: Option<Picture>,
}

impl Consumer {
    /// Without a context the frames stay on the host.
    pub(crate) fn new(
        context: Option<&Arc<CudaContext>>,
        keep_picture: bool,
    ) -> anyhow::Result<Self> {
        let stream = context
            .map(CudaContext::new_stream)
            .transpose()
            .context("The device has no stream to copy on")?;
        Ok(Self {
            stream,
            from_device: Vec::new(),
            keep_picture,
            picture: None,
            tally: Tally::default(),
        })
    }

    /// Ends with the stream of frames, or when nobody can send any more.
    pub(crate) fn consume(mut self, messages: Receiver<Message>) -> anyhow::Result<Consumed> {
        for message in messages {
            match message {
                Message::Frame {
                    frame,
                    info,
                    arrived_ns,
                } => self.frame(frame, info, arrived_ns)?,
                Message::Unreadable(why) => {
                    tracing::warn!("a message is no frame: {why}");
                    self.tally.unreadable();
                }
                Message::End { frames } => {
                    self.tally.end(frames);
                    break;
                }
            }
        }
        Ok(Consumed {
            tally: self.tally,
            picture: self.picture,
        })
    }

    fn frame(&mut self, frame: Frame, info: FrameInfo, arrived_ns: u64) -> anyhow::Result<()> {
        self.tally.arrived(info.sequence, frame.len());
        self.tally.latency_to_frame(info.published_ns, arrived_ns);
        match self.stream.clone() {
            Some(stream) => {
                self.through_device(&stream, frame, info)?;
                // Not while the slot is held: the publisher may be waiting for it.
                let bytes = std::mem::take(&mut self.from_device);
                self.check(&bytes, info);
                self.from_device = bytes;
            }
            None => {
                self.note_path(&frame);
                self.check(&frame, info);
            }
        }
        Ok(())
    }

    fn note_path(&mut self, frame: &Frame) {
        self.tally.path(frame.path());
        if frame.path() != DevicePath::Direct
            && let Some(reason) = frame.reason()
        {
            self.tally.reason(reason.to_string());
        }
    }

    fn through_device(
        &mut self,
        stream: &Arc<CudaStream>,
        frame: Frame,
        info: FrameInfo,
    ) -> anyhow::Result<()> {
        let failed = || format!("Frame {} could not be copied to the device", info.sequence);
        let on_device = frame.copy_to_device(stream).with_context(failed)?;
        // After the copy: the path that it took.
        self.note_path(&frame);
        // The copy keeps what it needs.
        drop(frame);
        stream.synchronize().with_context(failed)?;
        self.tally.latency_to_device(info.published_ns, unix_ns());
        self.from_device.resize(on_device.len(), 0);
        stream
            .memcpy_dtoh(&on_device, &mut self.from_device)
            .and_then(|()| stream.synchronize())
            .with_context(|| {
                format!(
                    "Frame {} could not be read back from the device",
                    info.sequence
                )
            })
    }

    fn check(&mut self, bytes: &[u8], info: FrameInfo) {
        if crc32fast::hash(bytes) != info.crc32 {
            tracing::warn!("frame {} has a wrong checksum", info.sequence);
            self.tally.wrong_checksum();
        }
        if self.keep_picture {
            let picture = self.picture.get_or_insert_default();
            (picture.width, picture.height) = (info.width, info.height);
            picture.rgba.clear();
            picture.rgba.extend_from_slice(bytes);
        }
    }
}
