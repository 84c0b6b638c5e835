//! The exchange of a load balancer: a data plane observes its servers, an agent answers with their weights.
//!
//! Holds: a ring of observations and, where wanted, the raw reservoirs, written by the data plane; a ring of actions,
//! written by the agent. An action names the observation that it answers.
//!
//! Neither side waits for the other, and neither trusts it: the data plane checks every action against the servers
//! that it has just now ([`Action::check`]), and goes on with its last one where an action is refused.

mod action;
mod agent;
mod alias;
mod data_plane;
mod observation;
mod regions;
mod reservoir;

pub use action::{Action, ActionFault, WeightsError};
pub use agent::{Agent, Observer, WriteActionError};
pub use alias::AliasColumn;
pub use data_plane::{ActionError, DataPlane, DataPlaneBuilder};
pub use observation::{FEATURES, Observation, SERVERS, ServerStatistics, feature_names};
pub use reservoir::{Metric, RESERVOIR_SAMPLES, Reservoir};
