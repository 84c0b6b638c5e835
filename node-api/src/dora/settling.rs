//! Settling an output's path and finding the pool for a message.

use std::time::Duration;

use dora_message::id::DataId;
use zenoh_pinned::{AllocError, PinnedPool, PoolError};

use super::{
    DoraPathReason, OutputPath, SendError,
    pools::{NoPool, PoolIndex},
    route::{Route, Unproven},
    sending::Sending,
};

/// Why there is no proven pool for a message.
pub(super) enum Unprepared {
    /// The output takes dora's own path from now on.
    ForGood(DoraPathReason),
    /// This message cannot be sent.
    Now(SendError),
    /// No slot was free to prove a pool with.
    Full(AllocError),
}

impl From<DoraPathReason> for Unprepared {
    fn from(reason: DoraPathReason) -> Self {
        Self::ForGood(reason)
    }
}

impl Sending {
    /// The pool for a message of an output, which its consumers have attached.
    pub(super) fn prepare(
        &mut self,
        output: &DataId,
        bytes: usize,
        wait: Duration,
    ) -> Result<PoolIndex, Unprepared> {
        let link = self.link.as_ref().map_err(Clone::clone)?;
        let entry = self.outputs.entry(output.clone()).or_default();
        let is_first = entry.path == OutputPath::Unsettled;
        let patience = self.settings.settle_patience;
        let route = match &mut entry.route {
            Some(route) => route,
            none => {
                let route = Route::declare(&link.session, &link.node, output)?;
                route.reach(patience)?;
                none.insert(route)
            }
        };
        let earlier = self.pools.made();
        let index = match self.pools.for_bytes(bytes) {
            Ok(index) => index,
            Err(error) => return Err(no_pool(output, error, is_first)),
        };
        let earlier: Vec<&PinnedPool> = earlier.iter().map(|made| self.pools.get(*made)).collect();
        let pool = (index, self.pools.get(index));
        let refusals = &mut self.refusals;
        match route.prove(&link.node, pool, &earlier, refusals, (wait, patience)) {
            Ok(()) => {
                entry.path = OutputPath::Pinned;
                Ok(index)
            }
            Err(Unproven::Full(error)) => Err(Unprepared::Full(error)),
            Err(Unproven::UsedUp { slots }) if is_first => {
                Err(Unprepared::ForGood(DoraPathReason::PoolUsedUp { slots }))
            }
            Err(Unproven::UsedUp { .. }) => Err(Unprepared::Now(SendError::CannotAttach {
                consumers: Vec::new(),
                bytes,
            })),
            // Later the path does not change any more, or messages would overtake each other.
            Err(Unproven::Refused { consumers, .. }) if !is_first => {
                Err(Unprepared::Now(SendError::CannotAttach {
                    consumers,
                    bytes,
                }))
            }
            Err(Unproven::Refused {
                consumers,
                pool_bytes,
            }) => Err(Unprepared::ForGood(DoraPathReason::CannotAttach {
                consumers,
                pool_bytes,
            })),
        }
    }
}

fn no_pool(output: &DataId, error: NoPool, is_first: bool) -> Unprepared {
    match error {
        NoPool::OverBudget {
            needed_bytes,
            left_bytes,
            max_bytes,
        } => Unprepared::Now(SendError::OverBudget {
            output: output.clone(),
            needed_bytes,
            left_bytes,
            max_bytes,
        }),
        NoPool::NoSharedMemory(reason) => DoraPathReason::NoSharedMemory(reason).into(),
        // The message is at fault, not the place.
        NoPool::Pool(error @ PoolError::SlotTooLarge { .. }) => Unprepared::Now(error.into()),
        NoPool::Pool(error) if is_first => Unprepared::ForGood(DoraPathReason::NoPool {
            detail: error.to_string(),
        }),
        NoPool::Pool(error) => Unprepared::Now(error.into()),
    }
}
