//! Registrations that no frame and no copy has used for a while, given back.
//!
//! The mapping stays where it is, and the table forgets the segment. The next frame in it is treated like the first:
//! the segment is registered again in the background, and the frame is staged meanwhile.

use std::{sync::Arc, time::Duration};

use super::Table;
use crate::budget::{GivesBack, Idle};

/// What the keeper knows of a pinner.
#[derive(Debug)]
pub(crate) struct IdleRegistrations {
    pub(crate) table: Arc<Table>,
    pub(crate) time_to_live: Duration,
    pub(crate) host_limit: u64,
}

impl GivesBack for IdleRegistrations {
    fn time_to_live(&self) -> Duration {
        self.time_to_live
    }

    fn host_limit(&self) -> u64 {
        self.host_limit
    }

    fn idle(&self) -> Vec<Idle> {
        self.table.idle()
    }

    fn give_back(&self, idle: &Idle) -> bool {
        let given = self.table.give_back(idle.identity);
        if given {
            tracing::debug!(bytes = idle.bytes, "an idle registration is given back");
        }
        given
    }
}
