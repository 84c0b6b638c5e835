//! The arms, behind one pair of traits.

mod exchange;
mod iceoryx;
mod mutex;

use zenoh_pinned_exchange::Observation;

use crate::Outcome;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arm {
    Exchange,
    Iceoryx,
    Mutex,
}

pub const ALL: [Arm; 3] = [Arm::Exchange, Arm::Iceoryx, Arm::Mutex];

/// The side that observes.
pub trait DataPlaneSide {
    fn observe(&mut self, observation: &mut Observation) -> Outcome<()>;
    /// The number in the newest answer.
    fn answered(&mut self) -> Outcome<Option<u64>>;
}

/// The side that answers.
pub trait AgentSide {
    /// The newest observation, if it is new.
    fn look(&mut self) -> Outcome<Option<&Observation>>;
    fn answer(&mut self, number: u64) -> Outcome<()>;
}

impl Arm {
    pub fn name(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Iceoryx => "iceoryx2 blackboard",
            Self::Mutex => "mutex",
        }
    }

    pub fn data_plane(self, name: &str) -> Outcome<Box<dyn DataPlaneSide>> {
        Ok(match self {
            Self::Exchange => Box::new(exchange::DataPlane::create(name)?),
            Self::Iceoryx => Box::new(iceoryx::DataPlane::create(name)?),
            Self::Mutex => Box::new(mutex::Ends::create(name)?),
        })
    }

    pub fn agent(self, name: &str) -> Outcome<Box<dyn AgentSide>> {
        Ok(match self {
            Self::Exchange => Box::new(exchange::Agent::attach(name)?),
            Self::Iceoryx => Box::new(iceoryx::Agent::open(name)?),
            Self::Mutex => Box::new(mutex::Ends::open(name)?),
        })
    }
}
