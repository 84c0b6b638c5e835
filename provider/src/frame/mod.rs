//! A frame: a consumer's view of received bytes, and what is known about their way to the device.
//!
//! Holds: the reference to the chunk (or the ordinary bytes), the address and length of the frame, and
//! the table entry of the segment it lies in. Stands on `pinner`; the copies out of a frame are in `copy`.
//!
//! Who may write what: nobody. A frame is read-only; zenoh's reference count keeps the producer from
//! reusing the chunk.
//!
//! Locks: none of its own.
//!
//! Invariants:
//! - The frame's bytes were found to lie inside one mapped file before anything reads them: zenoh takes
//!   offset and length from shared memory and the wire, and checks neither.
//! - A buffer whose segment is known to this library is looked for in the file as well, which may have been
//!   truncated since it was mapped (`Segment`).
//! - The path is a fact about this process, found by look-up; no message says "pinned".

mod error;
mod held;
mod lent;
mod owned;

use std::{
    ops::{Deref, Range},
    ptr::NonNull,
    sync::{Arc, OnceLock},
};

use zenoh::{
    bytes::ZBytes,
    shm::{ShmBuf, ZShm},
};

pub use error::FrameError;
use held::{HeldBytes, Place};
pub use lent::LentSlot;
use owned::OwnedBytes;

use crate::{
    availability,
    cuda::Hold,
    figures,
    os::file::Identity,
    pinner::Pinner,
    reason::{DevicePath, FallbackReason, Way},
    registration::Found,
    trace::TraceContext,
};

/// Received bytes, readable on the host and on their way to a device. Usable from any thread.
///
/// Keep it only as long as needed: the producer's slot is not free before the frame, the payload it
/// came from, and every copy out of it have gone.
pub struct Frame {
    held: Arc<HeldBytes>,
    /// Which of the held bytes it is; inside them.
    range: Range<usize>,
    found: Option<Found>,
    pinner: Pinner,
    taken: OnceLock<Way>,
    trace: Option<TraceContext>,
    /// Another frame of the same bytes is counted.
    is_counted: bool,
}

impl Frame {
    fn of(held: impl Into<Arc<HeldBytes>>, found: Option<Found>, pinner: &Pinner) -> Self {
        let held: Arc<HeldBytes> = held.into();
        Self {
            range: 0..held.bytes().len(),
            held,
            found,
            pinner: pinner.clone(),
            taken: OnceLock::new(),
            trace: None,
            is_counted: false,
        }
    }

    /// The same frame, whose copies are told of as a part of this trace: for whoever received it.
    #[doc(hidden)]
    pub fn in_trace(mut self, trace: Option<TraceContext>) -> Self {
        self.trace = trace;
        self
    }

    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.trace
    }

    /// A view of a received payload, without copying it where it arrived in shared memory or in one
    /// piece.
    ///
    /// Quick enough for zenoh's receive thread: an address look-up, and for segments that were attached
    /// by another client than [`PinnedHostShmClient`](crate::PinnedHostShmClient) one question to the kernel. Drop the payload
    /// (the sample) before the frame: our consumers tell a waiting producer when a *frame* goes.
    ///
    /// ```
    /// use zenoh_pinned::{Frame, PinnedPool, Pinner};
    ///
    /// let pinner = Pinner::host_only();
    /// # let pool = PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// # let mut slot = pool.alloc(3)?;
    /// # slot.copy_from_slice(b"abc");
    /// # let payload = slot.into_shm();
    /// // In a subscriber: `Frame::from_payload(sample.payload(), &pinner)`.
    /// let frame = Frame::from_payload(&payload, &pinner)?;
    /// assert_eq!(&frame[..], b"abc");
    /// println!("path {}, because {:?}", frame.path(), frame.reason());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`FrameError`]: the payload is not what it claims to be. It was not read.
    pub fn from_payload(payload: &ZBytes, pinner: &Pinner) -> Result<Self, FrameError> {
        match payload.as_shm() {
            Some(buffer) => Self::from_buffer(buffer.to_owned(), pinner),
            None => Ok(Self::of(HeldBytes::ordinary(payload)?, None, pinner)),
        }
    }

    /// A view of bytes that arrived by another way than a zenoh callback of this crate's user, for instance
    /// an Arrow buffer of a dora event: the frame keeps `owner`, and with it the bytes.
    ///
    /// `owner` is asked for its bytes once. Where they lie in a zenoh segment, whoever mapped it, they can be
    /// on the direct path; anywhere else they are staged or copied by the driver.
    ///
    /// ```
    /// use zenoh_pinned::{DevicePath, Frame, Pinner};
    ///
    /// let frame = Frame::from_owner(vec![1, 2, 3], &Pinner::host_only())?;
    /// assert_eq!((&frame[..], frame.path()), (&[1, 2, 3][..], DevicePath::Host));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`FrameError::OutsideSegment`]: the bytes reach beyond the mapped file that they begin in.
    /// [`FrameError::Truncated`]: the file has been truncated since.
    /// [`FrameError::Unverifiable`]: the kernel did not tell what is mapped there.
    pub fn from_owner(
        owner: impl AsRef<[u8]> + Send + Sync + 'static,
        pinner: &Pinner,
    ) -> Result<Self, FrameError> {
        let owned = OwnedBytes::new(owner);
        let bytes = owned.bytes();
        let found = if bytes.is_empty() {
            None
        } else {
            let found = pinner.find(NonNull::from(bytes).cast(), bytes.len());
            let found = found.map_err(FrameError::unverifiable)?;
            if found.is_none() {
                held::check_extent(bytes)?;
            }
            found
        };
        let place = match &found {
            Some(found) => place_of(found, bytes.len())?,
            None => None,
        };
        Ok(Self::of(HeldBytes::owned(owned, place), found, pinner))
    }

    /// Bytes of this process's own.
    pub(crate) fn from_bytes(bytes: Vec<u8>, pinner: &Pinner) -> Self {
        Self::of(HeldBytes::private(bytes), None, pinner)
    }

    /// A view of a buffer that is this process's own reference.
    pub(crate) fn from_buffer(buffer: ZShm, pinner: &Pinner) -> Result<Self, FrameError> {
        let bytes = buffer.len();
        let address = NonNull::from(&buffer[..]).cast::<u8>();
        let found = pinner
            .find(address, bytes)
            .map_err(FrameError::unverifiable)?
            .ok_or(FrameError::OutsideSegment { bytes })?;
        if !buffer.is_valid() {
            return Err(FrameError::Invalidated);
        }
        let place = place_of(&found, bytes)?;
        let held = HeldBytes::shared(buffer, place);
        Ok(Self::of(held, Some(found), pinner))
    }

    /// The same bytes on their way to the device of another pinner. Nothing is copied; either frame keeps
    /// them.
    ///
    /// ```
    /// use zenoh_pinned::{Frame, Pinner};
    ///
    /// let frame = Frame::from_owner(vec![1, 2, 3], &Pinner::host_only())?;
    /// let other = frame.for_pinner(&Pinner::builder().device(1).build())?;
    /// assert_eq!(frame.as_ptr(), other.as_ptr());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`FrameError::Unverifiable`]: the kernel did not tell what is mapped there.
    pub fn for_pinner(&self, pinner: &Pinner) -> Result<Self, FrameError> {
        let bytes = &self[..];
        // Bytes that lay in no mapped file before lie in none now.
        let found = match &self.found {
            Some(_) => pinner
                .find(NonNull::from(bytes).cast(), bytes.len())
                .map_err(FrameError::unverifiable)?,
            None => None,
        };
        let mut frame = Self::of(self.held.clone(), found, pinner).in_trace(self.trace);
        frame.range = self.range.clone();
        frame.is_counted = true;
        Ok(frame)
    }

    /// A part of the frame, for instance one tensor of many, with the same way to the device. Nothing is copied; either
    /// keeps all of the bytes. `None` for a range, in bytes, that reaches beyond the frame.
    ///
    /// ```
    /// use zenoh_pinned::{Frame, Pinner};
    ///
    /// let frame = Frame::from_owner(vec![1, 2, 3], &Pinner::host_only())?;
    /// assert_eq!(frame.part(1..3).as_deref(), Some(&[2, 3][..]));
    /// assert!(frame.part(1..4).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn part(&self, range: Range<usize>) -> Option<Self> {
        self.get(range.clone())?;
        let found = self.found.as_ref().map(|found| found.further(range.start));
        let mut part = Self::of(self.held.clone(), found, &self.pinner).in_trace(self.trace);
        part.range = self.range.start + range.start..self.range.start + range.end;
        part.is_counted = true;
        Some(part)
    }

    /// The way of the bytes to the device: after a copy the one it took, before that the one it would
    /// take now.
    pub fn path(&self) -> DevicePath {
        self.way().path
    }

    /// Why the way is not [`DevicePath::Direct`]; `None` where it is.
    pub fn reason(&self) -> Option<FallbackReason> {
        self.way().reason
    }

    /// Whether the bytes arrived in shared memory, that is, without a copy.
    pub fn is_shared(&self) -> bool {
        self.found.is_some()
    }

    fn way(&self) -> Way {
        if let Some(taken) = self.taken.get() {
            return taken.clone();
        }
        if let Some(reason) = self.pinner.cannot_copy() {
            return Way::detour(DevicePath::Host, reason);
        }
        match self.registered_address() {
            Ok(_) => Way::DIRECT,
            Err(reason) if reason != FallbackReason::Unsupported && self.pinner.can_stage() => {
                Way::detour(DevicePath::Staged, reason)
            }
            Err(reason) => Way::detour(DevicePath::Pageable, reason),
        }
    }

    /// Remembers the way of the first copy.
    pub(crate) fn took(&self, way: Way) {
        let _ = self.taken.set(way);
    }

    /// The frame's first byte in registered memory, which other libraries may copy from asynchronously: another
    /// mapping of the same bytes, readable for as long as the frame exists.
    ///
    /// ```
    /// use zenoh_pinned::{FallbackReason, Frame, Pinner};
    ///
    /// let frame = Frame::from_owner(vec![1, 2, 3], &Pinner::host_only())?;
    /// assert!(frame.registered_address().is_err()); // private memory is not registered
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The reason why there is no such memory, or not yet.
    pub fn registered_address(&self) -> Result<NonNull<u8>, FallbackReason> {
        match &self.found {
            Some(found) => found.registered_address(self.len()),
            None => {
                Err(availability::without_shared_memory()
                    .unwrap_or(FallbackReason::NotSharedMemory))
            }
        }
    }

    /// The frame as a payload, to be published as it lies: another reference to zenoh's buffer, which holds its slot too.
    /// `None` for bytes that came in no such buffer, for a part of one, and in a forked child.
    ///
    /// ```
    /// use zenoh_pinned::{Frame, PinnedPool, Pinner};
    ///
    /// let pool = PinnedPool::builder().slots(1).slot_bytes(4096).build()?;
    /// let frame = Frame::from_payload(&pool.alloc(3)?.into_shm(), &Pinner::host_only())?;
    /// if let Some(payload) = frame.shared_payload() {
    ///     assert_eq!(payload.len(), 3); // for `publisher.put(payload)`, without a copy
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shared_payload(&self) -> Option<ZBytes> {
        if self.len() < self.held.bytes().len() {
            return None;
        }
        self.held.buffer().map(ZBytes::from)
    }

    /// Something that keeps the bytes where and what they are, and their registration, while it exists.
    pub(crate) fn hold(&self) -> Hold {
        let entry = self.found.as_ref().map(|found| found.entry.clone());
        Hold::of(self.held.clone(), entry)
    }

    /// The file that the bytes lie in.
    pub(crate) fn segment(&self) -> Option<Identity> {
        Some(self.found.as_ref()?.entry.identity())
    }

    pub(crate) fn pinner(&self) -> &Pinner {
        &self.pinner
    }
}

/// The place of a frame's bytes in a segment that this library has attached. They are all there.
fn place_of(found: &Found, bytes: usize) -> Result<Option<Place>, FrameError> {
    let Some(segment) = found.entry.segment() else {
        return Ok(None);
    };
    let end = found.offset.checked_add(bytes);
    match end.is_some_and(|end| segment.reaches(end)) {
        true => Ok(Some(Place {
            segment: segment.clone(),
            offset: found.offset,
        })),
        false => Err(FrameError::Truncated { bytes }),
    }
}

/// Counted here, and not when it is made: by now it is known which way it took.
impl Drop for Frame {
    fn drop(&mut self) {
        if self.is_counted {
            return;
        }
        match self.taken.get() {
            Some(way) => figures::count_frame(way.path, way.reason.as_ref()),
            None => {
                let way = self.way();
                figures::count_frame(way.path, way.reason.as_ref());
            }
        }
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.held
            .bytes()
            .get(self.range.clone())
            .unwrap_or_default()
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Way { path, reason } = self.way();
        formatter
            .debug_struct("Frame")
            .field("bytes", &self.len())
            .field("shared", &self.is_shared())
            .field("path", &path)
            .field("reason", &reason)
            .finish()
    }
}
