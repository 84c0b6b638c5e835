//! Memory that is as aligned as a mapping.

use std::ptr::NonNull;

/// A page of the largest size that Linux has on the machines this is built for.
#[repr(align(65536))]
pub(crate) struct Page([u8; Page::BYTES]);

impl Page {
    pub(crate) const BYTES: usize = 65536;

    /// A page that begins with `bytes`, as many of them as it holds.
    pub(crate) fn beginning_with(bytes: &[u8]) -> Box<Self> {
        let mut page = Box::new(Self([0; Self::BYTES]));
        let fitting = bytes.len().min(Self::BYTES);
        page.0[..fitting].copy_from_slice(&bytes[..fitting]);
        page
    }

    /// Its first byte, for reading and writing.
    pub(crate) fn base(&mut self) -> NonNull<u8> {
        NonNull::from(&mut self.0).cast()
    }
}
