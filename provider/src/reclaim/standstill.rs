//! Finding processes that stand still and have messages unread.
//!
//! A descriptor on its way is confirmed by its sender, so what a stopped consumer has not read is not
//! invalidated until zenoh closes the link, ten seconds later by default. The pool's user should know before.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{evidence::Snapshot, quarantine::QuarantineReason};
use crate::os::life::Life;

/// Only for slots that are out for longer it is asked.
pub(super) const LONG: Duration = Duration::from_secs(1);
/// How often it is asked; longer than it takes to be sure of a process that does not stand still.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What was found out last.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    before: Option<(Instant, Arc<Snapshot>)>,
    reason: Option<QuarantineReason>,
}

impl Standstill {
    /// Nothing has been out for long.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The process that stands still, as a reason, if one does. `attached` is asked for from time to time.
    pub(super) fn reason(
        &mut self,
        attached: impl FnOnce() -> Arc<Snapshot>,
    ) -> Option<QuarantineReason> {
        match &self.before {
            Some((asked, _)) if asked.elapsed() < ASK_EVERY => {}
            before => {
                let now = attached();
                let confirmed = before
                    .as_ref()
                    .map(|(_, before)| before.everybody_has_confirmed_by(&now, Life::of));
                self.reason = match confirmed {
                    Some(Err(doubt))
                        if matches!(doubt.reason, QuarantineReason::Stalled { .. }) =>
                    {
                        Some(doubt.reason)
                    }
                    _ => None,
                };
                self.before = Some((Instant::now(), now));
            }
        }
        self.reason.clone()
    }
}
