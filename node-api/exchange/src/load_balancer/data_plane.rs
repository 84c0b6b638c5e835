//! The side that observes and acts.

use bytemuck::Zeroable;

use super::{
    action::{Action, ActionFault},
    observation::Observation,
    regions::{layout, reservoir_index},
    reservoir::{Metric, Reservoir},
};
use crate::{
    os,
    protocol::ReadError,
    region::{CreateError, Region, Role},
    ring::{Forked, LaneReader, LaneWriter},
};

/// A data plane does not wait for a message that is being written over: it keeps the action that it has.
const TRIES: usize = 2;

/// Why there is no new action to use. The one before stays.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It was read and is not to be used.
    #[error("the action is refused: it {0}")]
    Refused(ActionFault),
}

/// The data plane's end: it writes observations, and reads actions.
///
/// ```
/// use zenoh_pinned_exchange::{Agent, DataPlane, Observation};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let name = format!("lb-{}", std::process::id());
/// let mut data_plane = DataPlane::create(&name)?;
/// let mut agent = Agent::attach(&name)?; // in another process, as a rule
///
/// let mut seen = Observation::default();
/// seen.active_as_bitmap = 0b11;
/// data_plane.write_observation(&mut seen)?;
///
/// let observation = agent.read_observation()?.expect("one was written");
/// agent.write_action(observation.sequence, &[1.0, 3.0])?;
///
/// let action = data_plane.read_action()?.expect("one was written");
/// assert!(action.pick(42) < 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DataPlane {
    region: Region,
    observations: LaneWriter,
    actions: LaneReader,
    reservoirs: Vec<LaneWriter>,
    incarnation: u64,
    /// The first and the newest observation of this data plane, and the servers of that.
    first: u64,
    active: u64,
    /// Where an action is read to before it is checked.
    arriving: Action,
    action: Option<Action>,
}

/// What a region is made with.
#[derive(Clone, Debug)]
pub struct DataPlaneBuilder {
    name: String,
    mode: u32,
    with_reservoirs: bool,
}

impl DataPlaneBuilder {
    /// The permissions of the region's file, 0o600 by default. An agent needs to read and write it: 0o660 where it runs
    /// as another user of the file's group.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Whether the region has raw reservoirs; 16 KiB become 440.
    pub fn reservoirs(mut self, with_reservoirs: bool) -> Self {
        self.with_reservoirs = with_reservoirs;
        self
    }

    /// Makes the region, or adopts the one that a data plane before this one left.
    pub fn create(self) -> Result<DataPlane, CreateError> {
        let Self {
            name,
            mode,
            with_reservoirs,
        } = self;
        let (layout, places) = layout(with_reservoirs);
        let region = Region::create(&name, mode, &layout)?;
        let writer = |place| LaneWriter::of(&region, place, &name);
        let observations = writer(places.observations)?;
        let reservoirs = places.reservoirs.into_iter().map(writer);
        Ok(DataPlane {
            incarnation: region.incarnation(Role::Owner),
            first: observations.next(),
            reservoirs: reservoirs.collect::<Result<_, _>>()?,
            observations,
            actions: LaneReader::of(places.actions),
            region,
            active: 0,
            arriving: Action::zeroed(),
            action: None,
        })
    }
}

impl DataPlane {
    /// Makes a region without reservoirs that only this user can open.
    pub fn create(name: &str) -> Result<Self, CreateError> {
        Self::builder(name).create()
    }

    /// A region with other permissions, or with reservoirs.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let name = format!("lb-mode-{}", std::process::id());
    /// use zenoh_pinned_exchange::DataPlane;
    /// let data_plane = DataPlane::builder(&name).mode(0o660).reservoirs(true).create()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(name: &str) -> DataPlaneBuilder {
        DataPlaneBuilder {
            name: name.into(),
            mode: 0o600,
            with_reservoirs: false,
        }
    }

    /// Writes an observation, after it has put its number and incarnation into it, the number of active servers, and
    /// the time if there is none. Never waits, makes no system call.
    #[inline]
    pub fn write_observation(&mut self, observation: &mut Observation) -> Result<u64, Forked> {
        observation.sequence_id = self.observations.next();
        observation.incarnation = self.incarnation;
        observation.num_active_as = observation.active_as_bitmap.count_ones();
        if observation.timestamp_us == 0 {
            observation.timestamp_us = os::microseconds_since_epoch();
        }
        let number = self.observations.write(&self.region, observation)?;
        self.active = observation.active_as_bitmap;
        Ok(number)
    }

    /// The newest action, if there is a new one that can be used; `None` before this data plane's first observation.
    /// Never waits, makes no system call.
    #[inline]
    pub fn read_action(&mut self) -> Result<Option<&Action>, ActionError> {
        if !self.region.is_of_this_process() {
            return Err(ReadError::Forked.into());
        }
        if self.observations.next() == self.first {
            return Ok(None);
        }
        let read = self
            .actions
            .newest_into(&self.region, TRIES, &mut self.arriving)?;
        if read.is_none() {
            return Ok(None);
        }
        self.check_arrived().map_err(ActionError::Refused)?;
        self.action = Some(self.arriving);
        Ok(self.action.as_ref())
    }

    fn check_arrived(&self) -> Result<(), ActionFault> {
        let Action {
            sequence_id: sequence,
            incarnation,
            ..
        } = self.arriving;
        let was_written = (1..self.observations.next()).contains(&sequence)
            && (1..=self.incarnation).contains(&incarnation);
        if !was_written {
            return Err(ActionFault::AnswersNothing {
                sequence,
                incarnation,
            });
        }
        self.arriving.check(self.active)
    }

    /// The action that was read last.
    pub fn action(&self) -> Option<&Action> {
        self.action.as_ref()
    }

    /// Writes the samples of a server; false where there is no such server, or the region has no reservoirs.
    pub fn write_reservoir(
        &mut self,
        server: usize,
        metric: Metric,
        reservoir: &Reservoir,
    ) -> Result<bool, Forked> {
        let index = reservoir_index(server, metric);
        let Some(lane) = index.and_then(|index| self.reservoirs.get_mut(index)) else {
            return Ok(false);
        };
        lane.write(&self.region, reservoir)?;
        Ok(true)
    }

    /// Which data plane of the region this is; higher than that of every one before it.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The agent's process; `None` while there is none. A system call.
    pub fn agent(&self) -> Option<u32> {
        self.region.writer(Role::Answerer)
    }
}
