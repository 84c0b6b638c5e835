//! Bytes that an owner of another library keeps, for instance an Arrow buffer.

use std::{any::Any, ptr::NonNull};

/// An owner and the bytes that it gave when it was asked, once.
pub(super) struct OwnedBytes {
    bytes: NonNull<[u8]>,
    /// From a box. A pointer, because the bytes may lie in the owner itself, and moving a box is an access to
    /// what is in it.
    owner: *mut (dyn Any + Send + Sync),
}

// SAFETY: the bytes are only ever read, by shared reference, and their owner may be sent and shared.
unsafe impl Send for OwnedBytes {}
// SAFETY: as above.
unsafe impl Sync for OwnedBytes {}

impl OwnedBytes {
    pub(super) fn new<T: AsRef<[u8]> + Send + Sync + 'static>(owner: T) -> Self {
        let owner = Box::into_raw(Box::new(owner));
        // SAFETY: the pointer is of a box, and this is the only reference to what is in it.
        let bytes = NonNull::from(unsafe { (*owner).as_ref() });
        Self { bytes, owner }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the slice was borrowed from the owner, which has not been touched since and is there for as
        // long as `self`: that borrow could still be going on.
        unsafe { self.bytes.as_ref() }
    }
}

impl Drop for OwnedBytes {
    fn drop(&mut self) {
        // SAFETY: the pointer is of a box that nobody else has, and no borrow of its bytes outlives `self`.
        drop(unsafe { Box::from_raw(self.owner) });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::OwnedBytes;

    #[test]
    fn bytes_inside_their_owner_stay_where_they_are() {
        let owned = OwnedBytes::new([7u8; 64]);
        let moved = Some(owned);
        assert_eq!(moved.as_ref().map(OwnedBytes::bytes), Some(&[7u8; 64][..]));
    }

    #[test]
    fn the_owner_goes_with_its_bytes() {
        let owner: Arc<[u8]> = Arc::from([1, 2, 3]);
        let owned = OwnedBytes::new(owner.clone());
        assert_eq!(
            (owned.bytes(), Arc::strong_count(&owner)),
            (&[1, 2, 3][..], 2)
        );
        drop(owned);
        assert_eq!(Arc::strong_count(&owner), 1);
    }
}
