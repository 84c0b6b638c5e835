//! A slot of another process's pool that its owner has lent to this process, to write an answer in.
//!
//! Who may write what: whoever has the [`LentSlot`], until he gives it back as a frame. That nobody else reads or writes
//! meanwhile is what lender and borrower have agreed on; no one can see it from here, so making one is unsafe.
//!
//! The reference that the frame holds keeps the slot from being used for anything else, also where its owner has lost
//! interest in it.

use std::{
    ops::{Deref, DerefMut},
    ptr::NonNull,
    sync::Arc,
};

use super::Frame;
use crate::segment::Segment;

/// A slot to be written in place. Usable from any thread, by one at a time.
#[derive(Debug)]
pub struct LentSlot {
    frame: Frame,
    /// Keeps the mapping that the address is of.
    _segment: Arc<Segment>,
    address: NonNull<u8>,
}

// SAFETY: the mapping belongs to the process, and `_segment` keeps it; the pointer is used through `&self` for reading and
// `&mut self` for writing only.
unsafe impl Send for LentSlot {}
// SAFETY: as above.
unsafe impl Sync for LentSlot {}

impl LentSlot {
    /// The slot that the whole of `frame` is. `None` for bytes outside segments that this library has mapped, and for those
    /// of a sealed one.
    ///
    /// # Safety
    /// The slot's owner has lent it to this call's caller alone: until the value is gone, nobody reads or writes the frame's
    /// bytes, in whichever process, by whichever frame.
    pub unsafe fn new(frame: Frame) -> Option<Self> {
        let found = frame.found.as_ref()?;
        let segment = found.entry.segment()?.clone();
        let end = found.offset.checked_add(frame.len())?;
        if end > segment.bytes() || segment.is_sealed() {
            return None;
        }
        let address = segment.chunk_address(u32::try_from(found.offset).ok()?)?;
        Some(Self {
            frame,
            _segment: segment,
            address,
        })
    }

    /// The frame that it is, which may be read by others from now on.
    pub fn into_frame(self) -> Frame {
        self.frame
    }
}

impl Deref for LentSlot {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `new` has found the bytes inside the mapping, which `_segment` keeps; nobody else writes them (its contract).
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.frame.len()) }
    }
}

impl DerefMut for LentSlot {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and nobody else reads them; every mapping of ours is writable.
        unsafe { std::slice::from_raw_parts_mut(self.address.as_ptr(), self.frame.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        PinnedPool, Pinner,
        bindings::descriptor::{Descriptor, DescriptorReader},
    };

    #[test]
    fn what_is_written_into_a_lent_slot_is_what_its_owner_reads() {
        let pool = PinnedPool::builder()
            .slots(1)
            .slot_bytes(8192)
            .build()
            .unwrap();
        let kept = pool.alloc(5000).unwrap().into_kept();
        let reader = DescriptorReader::new(&Pinner::host_only());
        let descriptor = Descriptor::of(&kept.payload()).unwrap();
        let frame = reader.read(descriptor).unwrap();
        // SAFETY: nobody reads the slot before it has gone.
        let mut lent = unsafe { LentSlot::new(frame) }.unwrap();
        assert_eq!(lent.len(), 5000);
        lent.fill(7);
        lent[4999] = 9;
        drop(lent.into_frame());
        let bytes = kept.payload().to_bytes().into_owned();
        assert!(bytes[..4999].iter().all(|byte| *byte == 7) && bytes[4999] == 9);
        let part = reader.read(descriptor.of_first(4).unwrap()).unwrap();
        assert_eq!(part[..], [7; 4]);
        assert!(descriptor.of_first(5001).is_none() && descriptor.of_first(0).is_none());
    }

    #[test]
    fn ordinary_memory_is_not_lent() {
        let frame = Frame::from_owner(vec![1, 2, 3], &Pinner::host_only()).unwrap();
        // SAFETY: nobody else has the bytes.
        assert!(unsafe { LentSlot::new(frame) }.is_none());
    }
}
