//! What can be exchanged: plain bytes, in whole words.

use bytemuck::Pod;

use crate::copy::Bytes;

/// A record that a ring carries: plain bytes, whose size is a multiple of 8.
///
/// ```
/// use bytemuck::{Pod, Zeroable};
/// use zenoh_pinned_exchange::Record;
///
/// #[derive(Clone, Copy, Pod, Zeroable)]
/// #[repr(C)]
/// struct Pose {
///     position: [f64; 3],
///     orientation: [f64; 4],
/// }
///
/// impl Record for Pose {
///     const NAME: &str = "pose, version 1";
/// }
/// ```
pub trait Record: Pod {
    /// What the bytes mean. Both sides of a region have to have the same name, size and number of slots: give it
    /// another one with each change of the fields.
    const NAME: &str;
}

/// Fails to compile for a record that is not made of whole words.
const fn assert_whole_words<T>() {
    assert!(
        size_of::<T>() != 0 && size_of::<T>().is_multiple_of(size_of::<Bytes>()),
        "the size of a record is a multiple of 8 bytes, and not 0"
    );
}

pub(crate) fn words_of<T: Record>(record: &T) -> &[Bytes] {
    const { assert_whole_words::<T>() };
    bytemuck::cast_slice(bytemuck::bytes_of(record))
}

pub(crate) fn words_of_mut<T: Record>(record: &mut T) -> &mut [Bytes] {
    const { assert_whole_words::<T>() };
    bytemuck::cast_slice_mut(bytemuck::bytes_of_mut(record))
}
