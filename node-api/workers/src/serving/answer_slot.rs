//! Where an answer is to be written: a slot that was lent for it, or ordinary memory of the same length.
//!
//! Who may write what: the engine, while it has the batch. A supervisor lends a slot to a process that it has started itself
//! and that has said hello itself, to one at a time, and to another only when the kernel has told that the first has ended;
//! then an answer of the first counts no more. Whoever asked gets the slot with the answer. So nobody else reads or writes it
//! meanwhile, which [`LentSlot`] asks for.
//!
//! An answer slot cannot outlive its batch: it borrows from the request, and a clone of that has none. Bindings see to it
//! themselves ([`AnswerSlot::unbound`]).

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

use zenoh_pinned::bindings::descriptor::{Descriptor, DescriptorReader, LentSlot};

use crate::{
    protocol::{AnswerPlace, INLINE_BYTES},
    request::Payload,
};

/// Memory for an answer, as long as whoever asked has provided for; see [`BatchRequest::answer_slot`].
///
/// [`BatchRequest::answer_slot`]: crate::BatchRequest::answer_slot
#[derive(Debug)]
pub struct AnswerSlot<'batch> {
    place: Place,
    _batch: PhantomData<&'batch ()>,
}

#[derive(Debug)]
enum Place {
    Lent(Box<Lent>),
    Ordinary(Vec<u8>),
}

#[derive(Debug)]
struct Lent {
    slot: LentSlot,
    descriptor: Descriptor,
    reader: Arc<DescriptorReader>,
}

/// What a request has as the place of its answer, until somebody takes it.
#[derive(Debug, Default)]
pub(super) struct Provided(Mutex<Option<Untaken>>);

#[derive(Debug)]
struct Untaken {
    bytes: usize,
    lent: Option<Lent>,
}

/// A clone has none: one writes in it.
impl Clone for Provided {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Provided {
    pub(super) fn of(place: Option<AnswerPlace>, reader: &Arc<DescriptorReader>) -> Self {
        let untaken = place.and_then(|place| {
            Some(Untaken {
                bytes: usize::try_from(place.bytes).ok()?,
                lent: place.slot.and_then(|slot| Lent::of(slot, reader)),
            })
        });
        Self(Mutex::new(untaken))
    }

    fn untaken(&self) -> Option<Untaken> {
        // Whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn take(&self) -> Option<AnswerSlot<'_>> {
        let Untaken { bytes, lent } = self.untaken()?;
        let ordinary = || Place::Ordinary(vec![0; bytes]);
        Some(AnswerSlot {
            place: lent.map_or_else(ordinary, |lent| Place::Lent(Box::new(lent))),
            _batch: PhantomData,
        })
    }

    /// An answer in ordinary memory, in the slot if one was lent for it.
    pub(super) fn laid(&self, answer: Payload) -> Payload {
        if answer.descriptor().is_some() {
            return answer;
        }
        match self.lay(&answer) {
            Some(laid) => laid.in_place_of(&answer),
            None => answer,
        }
    }

    /// Copies an answer into the slot; `None` where the engine has taken it, none was lent, or it does not fit, and for what
    /// goes in the message.
    pub(super) fn lay(&self, answer: &[u8]) -> Option<Payload> {
        if answer.len() <= INLINE_BYTES {
            return None;
        }
        let mut lent = self.untaken()?.lent?;
        let place = lent.slot.get_mut(..answer.len())?;
        place.copy_from_slice(answer);
        Some(lent.given_back(answer.len()).0)
    }
}

impl Lent {
    fn of(descriptor: [u8; Descriptor::BYTES], reader: &Arc<DescriptorReader>) -> Option<Self> {
        let descriptor = Descriptor::from_bytes(descriptor);
        let frame = reader.read(descriptor).inspect_err(|error| {
            tracing::debug!(%error, "a slot for an answer cannot be read");
        });
        // SAFETY: the supervisor lends it to this worker alone until it has the answer or this process has ended (the
        // module's note), and this process has no other frame of it.
        let slot = unsafe { LentSlot::new(frame.ok()?) }?;
        Some(Self {
            slot,
            descriptor,
            reader: reader.clone(),
        })
    }

    /// The first bytes of the slot, and the whole of it. Few bytes are copied: they go in the message.
    fn given_back(self, bytes: usize) -> (Payload, Payload) {
        let whole = Payload::in_lent_slot(self.slot.into_frame());
        if bytes <= INLINE_BYTES {
            return (whole[..bytes].into(), whole);
        }
        if bytes == whole.len() {
            return (whole.clone(), whole);
        }
        let part = self.descriptor.of_first(bytes as u64);
        let part = part.and_then(|part| self.reader.read(part).ok());
        (
            part.map_or_else(|| whole[..bytes].into(), Payload::in_lent_slot),
            whole,
        )
    }
}

impl AnswerSlot<'_> {
    /// Whether it is the slot itself that was lent. Otherwise the answer is copied on its way.
    pub fn is_shared(&self) -> bool {
        matches!(self.place, Place::Lent(_))
    }

    /// The answer: the first `bytes` bytes of it, all of them where there are not so many. Up to 4 KiB go in the message.
    pub fn written(self, bytes: usize) -> Payload {
        self.written_and_whole(bytes).0
    }

    /// The answer, and what keeps all of the memory; for bindings, whose views outlive the slot.
    #[doc(hidden)]
    pub fn written_and_whole(self, bytes: usize) -> (Payload, Payload) {
        let bytes = bytes.min(self.len());
        match self.place {
            Place::Lent(lent) => lent.given_back(bytes),
            Place::Ordinary(mut memory) => {
                // What is cut off stays allocated.
                memory.truncate(bytes);
                let answer = Payload::from(memory);
                (answer.clone(), answer)
            }
        }
    }

    /// The same without the batch that it is of, for bindings.
    ///
    /// # Safety
    /// Nobody writes in it once its batch is answered, unless nobody else reads it until it is gone.
    #[doc(hidden)]
    pub unsafe fn unbound(self) -> AnswerSlot<'static> {
        AnswerSlot {
            place: self.place,
            _batch: PhantomData,
        }
    }
}

impl Deref for AnswerSlot<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.place {
            Place::Lent(lent) => &lent.slot,
            Place::Ordinary(memory) => memory,
        }
    }
}

impl DerefMut for AnswerSlot<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.place {
            Place::Lent(lent) => &mut lent.slot,
            Place::Ordinary(memory) => memory,
        }
    }
}
