//! zenoh's values, which belong to the process that made them.

use zenoh_pinned::bindings::MadeHere;

/// A value that a forked child neither uses nor drops: zenoh's threads, which it would wait for, are not there.
#[derive(Debug)]
pub(super) struct OfThisProcess<T> {
    /// `None` only while this is being dropped.
    value: Option<T>,
    made_here: MadeHere,
}

impl<T> OfThisProcess<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: Some(value),
            made_here: MadeHere::now(),
        }
    }

    /// `None` in a forked child.
    pub(super) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_here())
    }

    pub(super) fn is_here(&self) -> bool {
        self.made_here.holds()
    }
}

impl<T> Drop for OfThisProcess<T> {
    fn drop(&mut self) {
        if !self.is_here() {
            std::mem::forget(self.value.take());
        }
    }
}
