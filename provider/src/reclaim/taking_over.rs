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
        match take_while(&header.references, || is_of(header, generation)) {
            true => Ok(()),
            false => Err(Refused::Gone),
        }
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

/// Raises the count of a chunk that somebody holds, for as long as the header is of the buffer that was meant: `is_of` is
/// asked again when it has been raised. Whether the reference was taken; otherwise it has been given back.
fn take_while(word: &impl CountWord, is_of: impl Fn() -> bool) -> bool {
    let mut count = word.load();
    loop {
        if !is_held(count) || !is_held(count + 1) {
            return false;
        }
        match word.exchange(count, count + 1) {
            Ok(_) => break,
            Err(now) => count = now,
        }
    }
    let is_taken = is_of();
    if !is_taken {
        give_back(word);
    }
    is_taken
}

/// Lowers the count by one, also that of a chunk that was claimed meanwhile.
fn give_back(word: &impl CountWord) {
    let mut count = word.load();
    while let Err(now) = word.exchange(count, count.wrapping_sub(1)) {
        count = now;
    }
}

/// Whether the header is in this generation and valid.
fn is_of(header: &ChunkHeader, generation: u32) -> bool {
    !header.is_invalidated() && header.generation.load(Ordering::SeqCst) == generation
}

#[cfg(test)]
mod tests {
    use loom::{
        sync::{
            Arc,
            atomic::{AtomicU32 as ModelWord, Ordering},
        },
        thread,
    };

    use super::*;

    /// A header, as zenoh counts it: the sender has the only reference to the first buffer.
    struct Model {
        count: ModelWord,
        generation: ModelWord,
    }

    impl Model {
        /// The sender lets go, zenoh collects the header, and describes another buffer by it, which somebody holds.
        fn is_used_again(&self) {
            self.count.fetch_sub(1, Ordering::SeqCst);
            // zenoh frees nothing that has references.
            if self.count.load(Ordering::SeqCst) == 0 {
                self.generation.fetch_add(1, Ordering::SeqCst);
                self.count.store(1, Ordering::SeqCst);
            }
        }
    }

    #[test]
    fn a_reference_is_to_the_buffer_that_was_meant_or_there_is_none() {
        loom::model(|| {
            let model = Arc::new(Model {
                count: ModelWord::new(1),
                generation: ModelWord::new(1),
            });
            let sender = {
                let model = model.clone();
                thread::spawn(move || model.is_used_again())
            };
            let is_of = || model.generation.load(Ordering::SeqCst) == 1;
            let taken = is_of() && take_while(&model.count, is_of);
            sender.join().unwrap();
            assert!(!taken || is_of(), "another buffer's");
            let held = model.count.load(Ordering::SeqCst);
            let of_sender = u32::from(!is_of());
            assert_eq!(held, of_sender + u32::from(taken), "no count is left wrong");
        });
    }

    #[test]
    fn only_a_chunk_that_somebody_holds_is_taken() {
        for count in [0, super::super::references::CLAIMED, u32::MAX] {
            let word = std::sync::atomic::AtomicU32::new(count);
            assert!(!take_while(&word, || true));
            assert_eq!(word.into_inner(), count);
        }
    }
}
