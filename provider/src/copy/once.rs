//! Copies out of memory that is registered for them alone: weights, which a worker needs on its device once.
//!
//! Registered bytes count for each process. A worker that kept the weights of its models registered would leave the
//! budget to nobody else, so each piece is registered, copied, and given back before the next one.
//!
//! Knowingly weak: pinners that share the registration, and frames of the same segment that are on their way to the same
//! device, keep it, and it counts as long as they do; that is waited for in vain, up to [`GIVE_BACK_WITHIN`].

use std::time::{Duration, Instant};

use crate::{
    frame::{Frame, FrameError},
    interruption::Interruption,
    pinner::Pinner,
    reason::FallbackReason,
};

/// How long a registration is waited for.
const REGISTER_WITHIN: Duration = Duration::from_secs(30);
/// How long the end of what used it is.
const GIVE_BACK_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_micros(200);

impl Frame {
    /// Calls `copy` with the frame on its way to `pinner`'s device, while its segment is registered; gives the
    /// registration back as soon as what `copy` has enqueued has executed. Waits for that.
    ///
    /// Where the memory cannot be registered `copy` is called all the same, and its copies are staged or the driver's:
    /// [`Frame::reason`] tells why.
    ///
    /// # Errors
    /// As [`Frame::for_pinner`].
    #[doc(hidden)]
    pub fn while_registered<T>(
        &self,
        pinner: &Pinner,
        copy: impl FnOnce(&Self) -> T,
    ) -> Result<T, FrameError> {
        let frame = self.for_pinner(pinner)?;
        let pending = || {
            let address = frame.registered_address();
            address == Err(FallbackReason::RegistrationPending)
        };
        wait_while(REGISTER_WITHIN, pending);
        let outcome = copy(&frame);
        let segment = frame.segment();
        drop(frame);
        if let Some(segment) = segment {
            // What the copies held goes on another thread, once that has seen their end.
            wait_while(GIVE_BACK_WITHIN, || !pinner.let_go(segment));
        }
        Ok(outcome)
    }
}

/// Ends early where the thread's waits are to end.
fn wait_while(patience: Duration, mut goes_on: impl FnMut() -> bool) {
    let interruption = Interruption::of_this_wait();
    let until = Instant::now() + patience;
    while goes_on() && Instant::now() < until && !interruption.is_wanted() {
        std::thread::sleep(LOOK_EVERY);
    }
}
