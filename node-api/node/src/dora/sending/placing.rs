//! Where a message is written, and settling its output's path with the first one.

use std::time::Duration;

use dora_message::id::DataId;
use zenoh_pinned::{AllocError, PinnedPool, Slot};

use super::{settling::Unprepared, state::Sending};
use crate::dora::{DoraPathReason, OutputPath, SendError};

/// Where a message is to be written, which decides how it is sent.
pub(crate) enum Destination {
    /// A slot of one of the output's pools.
    Slot(Slot),
    /// Memory of dora's own.
    Dora,
    /// Ordinary memory, for the daemon.
    Daemon,
    /// Ordinary memory, to be sent as bytes.
    Bytes,
    /// Every slot is in use: the message is dropped.
    Nowhere,
}

/// What came of looking for a destination, without waiting for it.
pub(crate) enum Attempt {
    Ready(Destination),
    Full(Full),
}

/// No slot is free, and what is worth waiting for.
#[derive(Debug)]
pub(crate) struct Full {
    /// Pools whose slots are large enough; where there are none, those whose memory will make room for such a pool.
    pub(crate) pools: Vec<PinnedPool>,
    /// Whether their slots are large enough.
    pub(crate) are_fitting: bool,
    /// Whether the output will get no further pool: a slot of these is all that can come.
    pub(crate) are_all: bool,
    /// What the last of them said.
    pub(crate) error: AllocError,
}

impl Sending {
    /// The destination of an output's messages where it is settled on dora's own path; `None` where it is pinned, or
    /// not settled yet.
    pub(crate) fn beside_the_pool(&mut self, output: &DataId) -> Option<Destination> {
        let path = &mut self.outputs.entry(output.clone()).or_default().path;
        if let (OutputPath::Unsettled, Err(reason)) = (&path, &self.link) {
            *path = OutputPath::Dora(reason.clone());
        }
        match path {
            // dora itself would try its own shared memory, and lose what this consumer cannot attach.
            OutputPath::Dora(reason) if reason.is_about_memory_of_consumers() => {
                Some(Destination::Daemon)
            }
            OutputPath::Dora(_) => Some(Destination::Dora),
            OutputPath::Unsettled | OutputPath::Pinned => None,
        }
    }

    /// Looks for a destination for a message of `bytes`, without waiting for a slot. Settles the output's path if this
    /// is its first message.
    pub(crate) fn attempt(&mut self, output: &DataId, bytes: usize) -> Result<Attempt, SendError> {
        if let Some(beside) = self.beside_the_pool(output) {
            return Ok(Attempt::Ready(beside));
        }
        if bytes < self.settings.shared_from_bytes {
            return Ok(Attempt::Ready(self.settle_for_bytes(output)));
        }
        let error = match self.free_slot(output, bytes) {
            Ok(slot) => return Ok(Attempt::Ready(Destination::Slot(slot))),
            Err(error) => error,
        };
        if let Some(error) = error
            && !matches!(error, AllocError::TimedOut { .. })
        {
            return Ok(Attempt::Full(self.full(output, bytes, error)));
        }
        match self.add_pool(output, bytes) {
            Ok(true) => {
                if let Ok(slot) = self.free_slot(output, bytes) {
                    return Ok(Attempt::Ready(Destination::Slot(slot)));
                }
            }
            Ok(false) | Err(Unprepared::Held) => {}
            Err(Unprepared::Now(error)) => return Err(error),
            Err(Unprepared::AsBytes) => {
                self.say_without_pool(output);
                return Ok(Attempt::Ready(Destination::Bytes));
            }
            Err(Unprepared::ForGood(reason)) => {
                return Ok(Attempt::Ready(self.leave(output, reason)));
            }
        }
        let held = self.pools.outgrown().iter();
        let holders = held.clone().next().map(PinnedPool::holders);
        let error = AllocError::TimedOut {
            len: bytes,
            slots: held.map(|pool| pool.statistics().slots).sum(),
            waited: Duration::ZERO,
            holders: Box::new(holders.unwrap_or_default()),
            growth: None,
            quarantine: Vec::new(),
        };
        Ok(Attempt::Full(self.full(output, bytes, error)))
    }

    /// A slot that is free now; else what the last pool said, `None` where no pool is large enough.
    fn free_slot(&self, output: &DataId, bytes: usize) -> Result<Slot, Option<AllocError>> {
        let mut last = None;
        for pool in self.pools.fitting(output, bytes) {
            match pool.try_alloc(bytes) {
                Ok(slot) => return Ok(slot),
                Err(error) => last = Some(error),
            }
        }
        Err(last)
    }

    fn full(&self, output: &DataId, bytes: usize, error: AllocError) -> Full {
        let fitting = self.pools.fitting(output, bytes);
        let are_fitting = !fitting.is_empty();
        let pools: Vec<PinnedPool> = match are_fitting {
            true => fitting.into_iter().cloned().collect(),
            false => self.pools.that_are_held().cloned().collect(),
        };
        Full {
            pools,
            are_fitting,
            are_all: self.pools.has_all_slots(output, bytes),
            error,
        }
    }

    /// The destination of a message that needs no slot.
    fn settle_for_bytes(&mut self, output: &DataId) -> Destination {
        match self.reach(output) {
            Ok(()) => {
                self.entry(output).path = OutputPath::Pinned;
                Destination::Bytes
            }
            Err(reason) => self.leave(output, reason),
        }
    }

    /// Settles an output on dora's own path; says where its messages are written there.
    fn leave(&mut self, output: &DataId, reason: DoraPathReason) -> Destination {
        self.entry(output).leave_to_dora(output, reason);
        self.beside_the_pool(output).unwrap_or(Destination::Dora)
    }

    fn say_without_pool(&mut self, output: &DataId) {
        let entry = self.entry(output);
        if !std::mem::replace(&mut entry.is_without_pool, true) {
            tracing::warn!(
                %output,
                "a consumer cannot attach a pool for messages of this size, so they are copied through sockets: \
                 raise its RLIMIT_MEMLOCK (ulimit -l), or call install_shm_clients() in it"
            );
        }
    }
}
