//! What an agent answers, and what a data plane takes of it.

use bytemuck::{Pod, Zeroable};

use super::{
    alias::{AliasColumn, shares_of, table_of},
    observation::SERVERS,
};
use crate::record::Record;

/// How far a table's share of a server may be from its weight's: rounding, and then some.
const SHARE_TOLERANCE: f64 = 1e-4;

/// One action, 832 bytes. The header file has the same structure as `zpx_action`.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Action {
    /// The observation that this answers.
    pub sequence_id: u64,
    /// Microseconds since 1970, when the action was written.
    pub timestamp_us: u64,
    /// How many weights were given; those behind them are 0.
    pub num_servers: u32,
    /// Not used.
    pub reserved: u32,
    /// The weight of each server: finite, not negative, and 0 for those that took no flows.
    pub weights: [f32; SERVERS],
    /// For picks in constant time, see [`pick`](Action::pick).
    pub alias_table: [AliasColumn; SERVERS],
    /// The data plane whose observation this answers, see [`Observation::incarnation`](super::Observation::incarnation).
    pub incarnation: u64,
    /// Not used.
    pub reserved_for_later: [u64; 4],
}

impl Record for Action {
    const NAME: &str = "load balancer's action, version 1";
}

/// Why no action can be made of some weights.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// More than there can be.
    #[error("{count} weights are more than the {SERVERS} servers that there can be")]
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// A weight that is none.
    #[error("the weight of server {server} is {weight}: weights are finite and not negative")]
    NotAWeight {
        /// The server.
        server: usize,
        /// Its weight.
        weight: f32,
    },
    /// No server would get a flow.
    #[error("no server that takes flows has a weight above 0: give one to at least one of them")]
    AllZero,
}

/// Why a data plane does not use an action. It keeps the one that it has.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionFault {
    /// It answers an observation that nobody has written.
    #[error(
        "answers observation {sequence} of data plane {incarnation}, which has not been written"
    )]
    AnswersNothing {
        /// The observation's number.
        sequence: u64,
        /// The data plane's.
        incarnation: u64,
    },
    /// More servers than there can be.
    #[error("has weights for {count} servers, more than {SERVERS}")]
    TooManyServers {
        /// What it says.
        count: u32,
    },
    /// A weight that is none.
    #[error(
        "the weight of server {server} is {weight}, which is not finite, negative, or beyond the number of weights"
    )]
    NotAWeight {
        /// The server.
        server: usize,
        /// Its weight.
        weight: f32,
    },
    /// Flows for a server that takes none.
    #[error("server {server} takes no flows and would get some")]
    NotActive {
        /// The server.
        server: usize,
    },
    /// A column that is none.
    #[error("column {column} of the alias table is ({probability}, {alias}), which is none")]
    NotAColumn {
        /// Which one.
        column: usize,
        /// Its probability.
        probability: f32,
        /// Its other server.
        alias: u32,
    },
    /// The table gives a server another share than its weight does.
    #[error("the alias table gives server {server} a share of {share}, its weight {wanted}")]
    Disagrees {
        /// The server.
        server: usize,
        /// What the table gives.
        share: f64,
        /// What the weights give.
        wanted: f64,
    },
    /// No weight is above 0.
    #[error("no server has a weight above 0")]
    AllZero,
}

fn is_active(bitmap: u64, server: usize) -> bool {
    bitmap >> server & 1 == 1
}

fn is_weight(weight: f32) -> bool {
    weight.is_finite() && weight >= 0.0
}

impl Action {
    /// The action that gives the servers of `active` these weights; weights of other servers are taken as 0.
    ///
    /// ```
    /// use zenoh_pinned_exchange::Action;
    ///
    /// let action = Action::of_weights(&[1.0, 3.0, 1.0], 0b011).expect("two of them are active");
    /// assert_eq!(action.weights[..3], [1.0, 3.0, 0.0]);
    /// action.check(0b011).expect("what is made here is valid");
    /// ```
    pub fn of_weights(weights: &[f32], active: u64) -> Result<Self, WeightsError> {
        if weights.len() > SERVERS {
            return Err(WeightsError::TooMany {
                count: weights.len(),
            });
        }
        let mut action = Self::zeroed();
        for (server, weight) in weights.iter().copied().enumerate() {
            if !is_weight(weight) {
                return Err(WeightsError::NotAWeight { server, weight });
            }
            if is_active(active, server) {
                // Minus zero is a zero.
                action.weights[server] = weight + 0.0;
            }
        }
        if action.weights.iter().all(|weight| *weight == 0.0) {
            return Err(WeightsError::AllZero);
        }
        action.num_servers = weights.len() as u32;
        action.alias_table = table_of(&action.weights);
        Ok(action)
    }

    /// The server for one flow: server `i` for its weight's share of all values of `random`, which is uniform.
    ///
    /// ```
    /// # use zenoh_pinned_exchange::Action;
    /// let action = Action::of_weights(&[0.0, 1.0], 0b11).expect("weights");
    /// assert_eq!(action.pick(0x0123_4567_89ab_cdef), 1);
    /// ```
    #[inline]
    pub fn pick(&self, random: u64) -> usize {
        let column = (random >> 58) as usize;
        let entry = &self.alias_table[column];
        // 24 bits: as many as the fraction of an f32 has, so that every value is below 1.
        let fraction = (random & 0xff_ffff) as f32 / 16_777_216.0;
        if fraction < entry.probability {
            column
        } else {
            entry.alias as usize % SERVERS
        }
    }

    /// Whether a data plane whose servers are `active` can use this action; it may come from anybody.
    pub fn check(&self, active: u64) -> Result<(), ActionFault> {
        let given = self.num_servers as usize;
        if given > SERVERS {
            return Err(ActionFault::TooManyServers {
                count: self.num_servers,
            });
        }
        for (server, weight) in self.weights.iter().copied().enumerate() {
            if !is_weight(weight) || (server >= given && weight != 0.0) {
                return Err(ActionFault::NotAWeight { server, weight });
            }
            if weight > 0.0 && !is_active(active, server) {
                return Err(ActionFault::NotActive { server });
            }
        }
        let total: f64 = self.weights.iter().copied().map(f64::from).sum();
        if total == 0.0 {
            return Err(ActionFault::AllZero);
        }
        self.check_table(active, total)
    }

    fn check_table(&self, active: u64, total: f64) -> Result<(), ActionFault> {
        for (column, entry) in self.alias_table.iter().enumerate() {
            let AliasColumn { probability, alias } = *entry;
            if !(0.0..=1.0).contains(&probability) || alias as usize >= SERVERS {
                return Err(ActionFault::NotAColumn {
                    column,
                    probability,
                    alias,
                });
            }
            if probability > 0.0 && !is_active(active, column) {
                return Err(ActionFault::NotActive { server: column });
            }
            if probability < 1.0 && !is_active(active, alias as usize) {
                return Err(ActionFault::NotActive {
                    server: alias as usize,
                });
            }
        }
        for (server, share) in shares_of(&self.alias_table).into_iter().enumerate() {
            let wanted = f64::from(self.weights[server]) / total;
            if (share - wanted).abs() > SHARE_TOLERANCE {
                return Err(ActionFault::Disagrees {
                    server,
                    share,
                    wanted,
                });
            }
        }
        Ok(())
    }
}
