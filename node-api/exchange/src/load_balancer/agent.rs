//! The side that learns and answers, and those that only look.

use super::{
    action::{Action, WeightsError},
    observation::Observation,
    regions::{Places, attach, reservoir_index},
    reservoir::{Metric, Reservoir},
};
use crate::{
    os,
    protocol::{ReadError, Stamp},
    region::{AttachError, Region, Role},
    ring::{Forked, LaneReader, LaneWriter, Message, TRIES, message},
};

/// Why an action was not written.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteActionError {
    /// No observation has been read, so there is nothing to answer.
    #[error("no observation has been read, so there is nothing to answer: read one first")]
    NothingRead,
    /// The weights are none.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// This process was forked after it had attached the region.
    #[error(transparent)]
    Forked(#[from] Forked),
}

/// The agent's end: it reads observations, and writes actions. There is one at a time.
#[derive(Debug)]
pub struct Agent {
    observer: Observer,
    actions: LaneWriter,
}

/// A read-only end: it reads observations, and what the agent answered. Any number can be there.
#[derive(Debug)]
pub struct Observer {
    region: Region,
    observations: LaneReader,
    actions: LaneReader,
    reservoirs: Vec<LaneReader>,
    /// Of the observation that was read last: whose it was, and the servers that took flows.
    incarnation: u64,
    active: u64,
}

impl Agent {
    /// Attaches the region that a data plane has made, as its agent.
    pub fn attach(name: &str) -> Result<Self, AttachError> {
        let (region, places) = attach(name, Some(Role::Answerer))?;
        let actions = LaneWriter::of(&region, places.actions.clone(), name)
            .map_err(|_| AttachError::NotARegion { name: name.into() })?;
        Ok(Self {
            observer: Observer::of(region, places),
            actions,
        })
    }

    /// The newest observation; `None` where it has been read. Never waits.
    pub fn read_observation(&mut self) -> Result<Option<Message<Observation>>, ReadError> {
        self.observer.read_observation()
    }

    /// As [`read_observation`](Self::read_observation), into an observation of the caller, which holds anything where
    /// there is an error.
    pub fn read_observation_into(
        &mut self,
        observation: &mut Observation,
    ) -> Result<Option<Stamp>, ReadError> {
        self.observer.read_observation_into(observation)
    }

    /// Answers observation `sequence` with the weights of the servers 0, 1, and so on. Servers that took no flows in
    /// the observation that was read last get none. Never waits.
    pub fn write_action(&mut self, sequence: u64, weights: &[f32]) -> Result<(), WriteActionError> {
        if !self.observer.region.is_of_this_process() {
            return Err(Forked.into());
        }
        if self.observer.incarnation == 0 {
            return Err(WriteActionError::NothingRead);
        }
        let mut action = Action::of_weights(weights, self.observer.active)?;
        action.sequence_id = sequence;
        action.incarnation = self.observer.incarnation;
        action.timestamp_us = os::microseconds_since_epoch();
        self.actions.write(&self.observer.region, &action)?;
        Ok(())
    }

    /// The samples of a server, if they are new to this agent; `None` also where the region has no reservoirs.
    pub fn read_reservoir(
        &mut self,
        server: usize,
        metric: Metric,
    ) -> Result<Option<Message<Reservoir>>, ReadError> {
        self.observer.read_reservoir(server, metric)
    }

    /// The data plane's process; `None` while there is none. A system call.
    pub fn data_plane(&self) -> Option<u32> {
        self.observer.data_plane()
    }
}

impl Observer {
    /// Attaches the region that a data plane has made, read-only.
    pub fn attach(name: &str) -> Result<Self, AttachError> {
        let (region, places) = attach(name, None)?;
        Ok(Self::of(region, places))
    }

    fn of(region: Region, places: Places) -> Self {
        Self {
            region,
            observations: LaneReader::of(places.observations),
            actions: LaneReader::of(places.actions),
            reservoirs: places.reservoirs.into_iter().map(LaneReader::of).collect(),
            incarnation: 0,
            active: 0,
        }
    }

    /// The newest observation; `None` where it has been read. Never waits.
    pub fn read_observation(&mut self) -> Result<Option<Message<Observation>>, ReadError> {
        let mut observation = Observation::default();
        let stamp = self.read_observation_into(&mut observation)?;
        Ok(stamp.map(|stamp| message(stamp, observation)))
    }

    /// As [`read_observation`](Self::read_observation), into an observation of the caller, which holds anything where
    /// there is an error.
    #[inline]
    pub fn read_observation_into(
        &mut self,
        observation: &mut Observation,
    ) -> Result<Option<Stamp>, ReadError> {
        let stamp = self
            .observations
            .newest_into(&self.region, TRIES, observation)?;
        if stamp.is_some() {
            self.incarnation = observation.incarnation;
            self.active = observation.active_as_bitmap;
        }
        Ok(stamp)
    }

    /// The newest action, as the agent wrote it; `None` where it has been read. Never waits.
    pub fn read_action(&mut self) -> Result<Option<Message<Action>>, ReadError> {
        let mut action = bytemuck::Zeroable::zeroed();
        let stamp = self.actions.newest_into(&self.region, TRIES, &mut action)?;
        Ok(stamp.map(|stamp| message(stamp, action)))
    }

    /// The samples of a server, if they are new to this reader; `None` also where the region has no reservoirs.
    pub fn read_reservoir(
        &mut self,
        server: usize,
        metric: Metric,
    ) -> Result<Option<Message<Reservoir>>, ReadError> {
        let index = reservoir_index(server, metric);
        let Some(lane) = index.and_then(|index| self.reservoirs.get_mut(index)) else {
            return Ok(None);
        };
        let mut reservoir = Reservoir::default();
        let stamp = lane.newest_into(&self.region, TRIES, &mut reservoir)?;
        Ok(stamp.map(|stamp| message(stamp, reservoir)))
    }

    /// The data plane's process; `None` while there is none. A system call.
    pub fn data_plane(&self) -> Option<u32> {
        self.region.writer(Role::Owner)
    }

    /// The agent's process; `None` while there is none. A system call.
    pub fn agent(&self) -> Option<u32> {
        self.region.writer(Role::Answerer)
    }
}
