//! Reading the accounts of the others.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    Sums,
    record::{MAGIC, Record},
};
use crate::os::{
    Errno,
    account_file::{self, SeenAccount},
    file::Identity,
    holdings, limits,
};

/// Everybody's account but one's own, at a moment.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) records: Vec<Record>,
    /// Accounts of live processes that say nothing sensible.
    pub(super) unreadable: u32,
    /// What the processes of these hold at most, by the kernel's account.
    presumed: Sums,
}

impl Census {
    /// Reads all accounts but `own`.
    ///
    /// # Errors
    /// They cannot be listed or opened: then nobody knows what is left.
    pub(super) fn take(own: Option<Identity>) -> Result<Self, Errno> {
        let physical_memory = limits::physical_memory();
        let mut census = Self::default();
        account_file::for_each_live(&MAGIC, |mut seen| {
            if Some(seen.identity) != own {
                census.count(&mut seen, physical_memory);
            }
        })?;
        Ok(census)
    }

    /// Counts one, and gives what it says, if that makes sense.
    pub(super) fn count(&mut self, seen: &mut SeenAccount, physical_memory: u64) -> Option<Record> {
        if let Some(record) = Record::of_seen(seen, physical_memory) {
            self.records.push(record);
            return Some(record);
        }
        self.unreadable += 1;
        let holdings = holdings::of_holders_of(seen.identity);
        let possible = holdings
            .segment_bytes
            .saturating_add(holdings.private_bytes);
        self.presumed = self.presumed.plus(Sums {
            memory: possible,
            registered: possible,
        });
        warn_once(seen.identity, possible);
        None
    }

    /// What the others hold.
    pub(super) fn held(&self) -> Sums {
        self.sum(Record::held).plus(self.presumed)
    }

    /// What they are asking for at this moment.
    pub(super) fn asked(&self) -> Sums {
        self.sum(|record| record.asked)
    }

    /// What they were refused a moment ago.
    pub(super) fn wanted(&self) -> Sums {
        self.sum(|record| record.wanted)
    }

    fn sum(&self, of: impl Fn(&Record) -> Sums) -> Sums {
        let sums = self.records.iter().map(of);
        sums.fold(Sums::default(), Sums::plus)
    }
}

fn warn_once(account: Identity, presumed_bytes: u64) {
    static WARNED_OF: AtomicU64 = AtomicU64::new(0);
    // Relaxed: at worst the log has a line twice.
    if WARNED_OF.swap(account.inode, Ordering::Relaxed) != account.inode {
        tracing::warn!(
            inode = account.inode,
            presumed_bytes,
            "an account page in /dev/shm says nothing sensible; its process counts with all that it has"
        );
    }
}
