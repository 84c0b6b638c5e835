//! iceoryx2: a loaned sample, written in place, and an event that wakes the consumers.

use std::mem::MaybeUninit;

use iceoryx2::{
    port::{notifier::Notifier, publisher::Publisher},
    prelude::{BackpressureStrategy, ipc},
};

use super::Outlet;
use crate::{Outcome, frame::FRAME_BYTES, iceoryx::Services, workload::Orders};

pub(super) struct Iceoryx {
    publisher: Publisher<ipc::Service, [u8], ()>,
    notifier: Notifier<ipc::Service>,
    _services: Services,
}

impl Iceoryx {
    pub(super) fn open(orders: &Orders) -> Outcome<Self> {
        let services = Services::open(orders)?;
        let publisher = services
            .frames(orders.index)?
            .publisher_builder()
            .initial_max_slice_len(FRAME_BYTES)
            .max_loaned_samples(1)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()?;
        let notifier = services.events()?.notifier_builder().create()?;
        Ok(Self {
            publisher,
            notifier,
            _services: services,
        })
    }
}

impl Outlet for Iceoryx {
    fn send(&mut self, write: &mut dyn FnMut(&mut [u8])) -> Outcome {
        let mut sample = self.publisher.loan_slice_uninit(FRAME_BYTES)?;
        write(initialised(sample.payload_mut()));
        // SAFETY: every byte has been zeroed at least once or written by now.
        let sample = unsafe { sample.assume_init() };
        sample.send()?;
        // A consumer whose events are full is awake anyway.
        let _ = self.notifier.notify();
        Ok(())
    }
}

/// The bytes of a loan. They lie in a shared mapping, so all of them have a value.
fn initialised(bytes: &mut [MaybeUninit<u8>]) -> &mut [u8] {
    // SAFETY: same length and alignment; the memory is mapped from a file, whose pages the kernel fills with
    // zeroes, so no byte is uninitialised, and the loan is borrowed exclusively.
    unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [u8]) }
}
