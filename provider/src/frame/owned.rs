//! Bytes that an owner of another library keeps, for instance an Arrow buffer.

use std::{any::Any, ptr::NonNull};

/// An owner and the bytes that it gave when it was asked, once.
pub(super) struct OwnedBytes {
    bytes: NonNull<[u8]>,
    /// Keeps `bytes`; never touched again before it is dropped.
    _owner: Box<dyn Any + Send + Sync>,
}

// SAFETY: the bytes are only ever read, by shared reference, and their owner may be sent and shared.
unsafe impl Send for OwnedBytes {}
// SAFETY: as above.
unsafe impl Sync for OwnedBytes {}

impl OwnedBytes {
    pub(super) fn new<T: AsRef<[u8]> + Send + Sync + 'static>(owner: T) -> Self {
        // Boxed first: the bytes may lie in the owner itself, which must not move any more.
        let owner = Box::new(owner);
        let bytes = NonNull::from((*owner).as_ref());
        Self {
            bytes,
            _owner: owner,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the slice was borrowed from the boxed owner, which has not been touched since and is
        // there for as long as `self`: that borrow could still be going on.
        unsafe { self.bytes.as_ref() }
    }
}
