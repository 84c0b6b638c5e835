//! What bindings to other languages need beside the rest. Not part of the public face: any version may change it.

pub use crate::dora::{
    detached::{DetachedOutputs, Offered},
    slot::{SealedSlot, SentMemory, describe_shape},
};
