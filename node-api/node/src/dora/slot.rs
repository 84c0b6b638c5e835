//! A message while its producer writes it in place.

use std::{
    ops::{Deref, DerefMut, Range},
    sync::{Arc, Weak},
};

use dora_message::{
    id::DataId,
    metadata::{MetadataParameters, Parameter},
};
use dora_node_api::DataSample;
use zenoh::bytes::ZBytes;
use zenoh_pinned::{KeptPayload, Slot};

use super::{ElementType, link::daemon::DaemonMessage};

/// The parameter that tells a message's shape, where it has more than one dimension.
const SHAPE: &str = "shape";

/// The memory of a message, which stays readable and is not used again while this exists.
#[derive(Clone, Debug)]
pub struct SentMemory {
    kept: KeptPayload,
    /// Each clone has it, so it tells whether somebody still keeps the memory.
    keeper: Arc<()>,
}

/// A pinned [`OutputSlot`] that nobody writes any more, to be sent by
/// [`DetachedOutputs::send_sealed`](super::detached::DetachedOutputs::send_sealed).
#[derive(Debug)]
pub struct SealedSlot {
    pub(crate) output: DataId,
    pub(crate) shape: Vec<usize>,
    pub(crate) element: ElementType,
    memory: SentMemory,
}

impl SealedSlot {
    /// Keeps the memory readable, whatever becomes of the message.
    pub fn memory(&self) -> SentMemory {
        self.memory.clone()
    }

    /// The payload to send, and a token that is alive while somebody keeps the memory.
    pub(crate) fn into_payload(self) -> (ZBytes, Weak<()>) {
        let keeper = Arc::downgrade(&self.memory.keeper);
        (self.memory.kept.payload(), keeper)
    }
}

/// The elements of an array, writable, where consumers will read them.
///
/// Dereferences to the elements' bytes in row-major order, which begin at a whole page on the pinned path
/// and hold whatever an earlier message left there. Dropping it sends nothing and gives the memory back.
///
/// ```no_run
/// # let (mut node, _events) = dora_node_api::DoraNode::init_from_env()?;
/// # let mut outputs = zenoh_pinned_node::dora::PinnedOutputs::attach(&node);
/// # let image: dora_node_api::dora_core::config::DataId = "image".parse()?;
/// let mut slot = outputs.alloc(&image, &[480, 640], zenoh_pinned_node::dora::ElementType::Uint8)?;
/// assert_eq!((slot.shape(), slot.len()), (&[480, 640][..], 480 * 640));
/// slot.fill(255);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OutputSlot {
    pub(crate) output: DataId,
    pub(crate) shape: Vec<usize>,
    pub(crate) element: ElementType,
    pub(crate) memory: Memory,
    /// Where the elements are in the memory.
    pub(crate) elements: Range<usize>,
}

#[derive(Debug)]
pub(crate) enum Memory {
    Pinned(Slot),
    /// Memory of dora's own, for an output on dora's path, which dora publishes without a further copy.
    Dora(DataSample),
    /// Ordinary memory, for an output that has to go by way of the daemon.
    Daemon(DaemonMessage),
    /// Ordinary memory, for a message that goes as bytes.
    Bytes(DaemonMessage),
    /// Ordinary memory, because every slot was in use. Copied into a slot when it is sent, if one has come free.
    Unplaced(DaemonMessage),
}

impl OutputSlot {
    /// The output that this is for.
    pub fn output(&self) -> &DataId {
        &self.output
    }

    /// The shape asked for, in elements.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The type of the elements.
    pub fn element(&self) -> ElementType {
        self.element
    }

    /// Whether the message will go through pinned memory.
    pub fn is_pinned(&self) -> bool {
        matches!(self.memory, Memory::Pinned(_))
    }

    /// Ends the writing. For bindings: whoever keeps [`SealedSlot::memory`] can go on reading, and the elements stay
    /// where they are.
    #[doc(hidden)]
    pub fn seal(self) -> SealedSlot {
        let memory = match self.memory {
            Memory::Pinned(slot) => slot.into_kept(),
            _ => KeptPayload::of_ordinary(ZBytes::new()),
        };
        SealedSlot {
            output: self.output,
            shape: self.shape,
            element: self.element,
            memory: SentMemory {
                kept: memory,
                keeper: Arc::default(),
            },
        }
    }
}

/// Adds the shape of an array of several dimensions to a message's parameters as `shape`, unless there is one.
pub fn describe_shape(shape: &[usize], parameters: &mut MetadataParameters) {
    if shape.len() > 1 && !parameters.contains_key(SHAPE) {
        let sizes = shape.iter().map(|size| *size as i64);
        parameters.insert(SHAPE.to_owned(), Parameter::ListInt(sizes.collect()));
    }
}

impl Deref for OutputSlot {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let memory: &[u8] = match &self.memory {
            Memory::Pinned(slot) => slot,
            Memory::Dora(sample) => sample,
            Memory::Daemon(message) | Memory::Bytes(message) | Memory::Unplaced(message) => message,
        };
        memory.get(self.elements.clone()).unwrap_or_default()
    }
}

impl DerefMut for OutputSlot {
    fn deref_mut(&mut self) -> &mut [u8] {
        let memory: &mut [u8] = match &mut self.memory {
            Memory::Pinned(slot) => slot,
            Memory::Dora(sample) => sample,
            Memory::Daemon(message) | Memory::Bytes(message) | Memory::Unplaced(message) => message,
        };
        memory.get_mut(self.elements.clone()).unwrap_or_default()
    }
}
