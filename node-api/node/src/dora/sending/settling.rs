//! Settling an output's path: its consumers are reached, and each pool is proven before a message lies in it.

use std::time::{Duration, Instant};

use dora_message::id::DataId;
use zenoh_pinned::PoolError;

use super::state::Sending;
use crate::dora::{
    DoraPathReason, OutputPath, SendError,
    pools::NoPool,
    route::{Refused, Route},
};

/// When a further pool is tried again, after one that could not be made or was refused.
const ADD_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Why a message has no pool that is proven.
pub(crate) enum Unprepared {
    /// The output takes dora's own path from now on.
    ForGood(DoraPathReason),
    /// This message cannot be sent.
    Now(SendError),
    /// There will be room for a pool when consumers have let go of slots of others.
    Held,
    /// Consumers cannot attach a pool that is large enough. The output is pinned already, so the message goes as
    /// bytes on the same route, in order.
    AsBytes,
}

impl From<DoraPathReason> for Unprepared {
    fn from(reason: DoraPathReason) -> Self {
        Self::ForGood(reason)
    }
}

impl Sending {
    /// Declares an output's route and asks its consumers for an answer, if that is not done yet.
    pub(crate) fn reach(&mut self, output: &DataId) -> Result<(), DoraPathReason> {
        let link = self.link.as_ref().map_err(Clone::clone)?;
        let entry = self.outputs.entry(output.clone()).or_default();
        if entry.route.is_none() {
            let route = Route::declare(&link.session, &link.node, output)?;
            route.reach(self.settings.settle_patience)?;
            entry.route = Some(route);
        }
        Ok(())
    }

    /// Adds a pool for messages of `bytes`, where one is due and the consumers attach it; says whether one was added.
    pub(crate) fn add_pool(&mut self, output: &DataId, bytes: usize) -> Result<bool, Unprepared> {
        self.reach(output)?;
        let now = Instant::now();
        let is_further = !self.pools.fitting(output, bytes).is_empty();
        if is_further && self.entry(output).add_pool_at.is_some_and(|at| now < at) {
            return Ok(false);
        }
        match self.try_to_add_pool(output, bytes) {
            Err(Unprepared::AsBytes | Unprepared::Now(_)) if is_further => {
                self.entry(output).add_pool_at = Some(now + ADD_AGAIN_AFTER);
                Ok(false)
            }
            added => added,
        }
    }

    fn try_to_add_pool(&mut self, output: &DataId, bytes: usize) -> Result<bool, Unprepared> {
        let link = self.link.as_ref().map_err(Clone::clone)?;
        let entry = self.outputs.entry(output.clone()).or_default();
        let is_first = entry.path == OutputPath::Unsettled;
        let Some(route) = &mut entry.route else {
            return Ok(false);
        };
        let no_pool = |error| no_pool(output, error, is_first);
        let Some(plan) = self.pools.plan(output, bytes).map_err(no_pool)? else {
            return Ok(false);
        };
        let refusals = &mut self.refusals;
        if let Some(refused) = route.known_refusal(plan.bytes(), refusals) {
            return Err(refused_by(refused, is_first));
        }
        let pool = self.pools.make(plan).map_err(no_pool)?;
        let (earlier, patience) = (self.pools.of(output), self.settings.settle_patience);
        if let Err(refused) = route.prove(&link.node, &pool, earlier, refusals, patience) {
            self.pools.give_up(pool);
            return Err(refused_by(refused, is_first));
        }
        self.pools.adopt(output, pool);
        entry.path = OutputPath::Pinned;
        Ok(true)
    }
}

fn refused_by(refused: Refused, is_first: bool) -> Unprepared {
    let reason = DoraPathReason::CannotAttach {
        consumers: refused.consumers,
        pool_bytes: refused.pool_bytes,
    };
    match is_first {
        true => Unprepared::ForGood(reason),
        // The path of an output that is settled stays: messages of two paths would overtake each other.
        false => {
            tracing::debug!(%reason, "no pool");
            Unprepared::AsBytes
        }
    }
}

fn no_pool(output: &DataId, error: NoPool, is_first: bool) -> Unprepared {
    match error {
        NoPool::Held => Unprepared::Held,
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
        NoPool::NoSharedMemory(_) if !is_first => Unprepared::AsBytes,
        NoPool::NoSharedMemory(reason) => DoraPathReason::NoSharedMemory(reason).into(),
        // This message is too large for any pool; others are not.
        NoPool::Pool(error @ PoolError::SlotTooLarge { .. }) => Unprepared::Now(error.into()),
        NoPool::Pool(error) if is_first => Unprepared::ForGood(DoraPathReason::NoPool {
            detail: error.to_string(),
        }),
        NoPool::Pool(error) => Unprepared::Now(error.into()),
    }
}
