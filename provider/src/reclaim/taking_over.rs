//! A reader's own reference to a chunk of another process, taken while somebody else's still stands.
//!
//! zenoh has the sender raise the count for the receiver before the descriptor leaves. A line does it the other way
//! round: the sender keeps one reference of its own until the receiver says that it has read the entry, and the
//! receiver raises the count here meanwhile. So what a receiver has not read is the sender's alone to give back.
//!
//! The count is raised only while it is that of a chunk somebody holds, in one step, and looked at again afterwards: a
//! header that has come to describe another buffer by then had a reference of its own all the while, so that raising and
//! lowering its count freed nothing.

use std::sync::atomic::Ordering;

use super::{
    chunk_header::{ChunkHeader, MetadataSegment, SEGMENT_BYTES},
    references::{CountWord, is_held},
};
use crate::os::{
    Errno,
    file::{self, Access},
};

/// The headers of one metadata segment of another process.
#[derive(Debug)]
pub(crate) struct ForeignHeaders(MetadataSegment);

/// Why there is no reference to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The chunk has been given up, or its header is another's by now.
    Gone,
    /// The descriptor does not fit its header: nobody honest has written it.
    Nonsense,
}

impl ForeignHeaders {
    /// Maps the metadata segment `id`.
    pub(crate) fn open(id: u16) -> Result<Self, Errno> {
        let file = file::open(u32::from(id))?;
        let (identity, bytes) = file::inspect(&file)?;
        // zenoh maps whatever has the name, and looks at no size.
        if bytes != SEGMENT_BYTES as u64 || !Access::of(&file)?.is_of_this_user_alone() {
            return Err(Errno::INVAL);
        }
        Ok(Self(MetadataSegment::map(&file, identity)?))
    }

    /// Takes a reference to the buffer of `bytes` bytes that header `index` describes in this generation. It has to be
    /// given to zenoh's reader, or back.
    pub(crate) fn take(&self, index: u16, generation: u32, bytes: usize) -> Result<(), Refused> {
        let header = self.0.header(usize::from(index)).ok_or(Refused::Nonsense)?;
        if !is_of(header, generation) {
            return Err(Refused::Gone);
        }
        // Relaxed: written before anybody knew of the chunk, and looked at again by zenoh.
        let described = header.bytes.load(Ordering::Relaxed);
        if bytes == 0 || bytes > described {
            return Err(Refused::Nonsense);
        }
        let mut count = CountWord::load(&header.references);
        loop {
            if !is_held(count) || !is_held(count + 1) {
                return Err(Refused::Gone);
            }
            match header.references.exchange(count, count + 1) {
                Ok(_) => break,
                Err(now) => count = now,
            }
        }
        if is_of(header, generation) {
            return Ok(());
        }
        header.references.fetch_sub(1, Ordering::SeqCst);
        Err(Refused::Gone)
    }

    /// Gives a reference back that zenoh's reader has refused, unless it has given it back itself: it does where it finds
    /// the buffer invalid, which a buffer then stays. In doubt the reference stays out, and with it the header.
    pub(crate) fn give_back_refused(&self, index: u16, generation: u32) {
        if let Some(header) = self.0.header(usize::from(index))
            && is_of(header, generation)
        {
            header.references.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Whether the header is in this generation and valid.
fn is_of(header: &ChunkHeader, generation: u32) -> bool {
    !header.is_invalidated() && header.generation.load(Ordering::SeqCst) == generation
}
