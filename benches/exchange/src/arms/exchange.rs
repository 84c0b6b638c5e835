use zenoh_pinned_exchange::{ActionError, Observation, ReadError, SERVERS};

use super::{AgentSide, DataPlaneSide};
use crate::Outcome;

pub struct DataPlane(zenoh_pinned_exchange::DataPlane);

pub struct Agent {
    end: zenoh_pinned_exchange::Agent,
    read: Observation,
}

impl DataPlane {
    pub fn create(name: &str) -> Outcome<Self> {
        Ok(Self(zenoh_pinned_exchange::DataPlane::create(name)?))
    }
}

impl Agent {
    pub fn attach(name: &str) -> Outcome<Self> {
        Ok(Self {
            end: zenoh_pinned_exchange::Agent::attach(name)?,
            read: Observation::default(),
        })
    }
}

impl DataPlaneSide for DataPlane {
    fn observe(&mut self, observation: &mut Observation) -> Outcome<()> {
        self.0.write_observation(observation)?;
        Ok(())
    }

    fn answered(&mut self) -> Outcome<Option<u64>> {
        match self.0.read_action() {
            Ok(Some(action)) => Ok(Some(action.sequence_id)),
            // Written over meanwhile: the next look sees it.
            Ok(None) | Err(ActionError::Read(ReadError::Overrun)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AgentSide for Agent {
    fn look(&mut self) -> Outcome<Option<&Observation>> {
        match self.end.read_observation_into(&mut self.read) {
            Ok(stamp) => Ok(stamp.map(|_| &self.read)),
            Err(ReadError::Overrun) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn answer(&mut self, number: u64) -> Outcome<()> {
        self.end.write_action(number, &[1.0; SERVERS])?;
        Ok(())
    }
}
