//! Everything that the doctor looks at, in the order in which it has to be looked at.
//!
//! The trial comes late: the zenoh session that it opens removes what killed processes have left.

use zenoh_pinned::{
    FallbackReason, Pinner, ReclaimPolicy,
    bindings::{
        observation::{Observation, observe},
        surroundings::{CountedDevice, LooseFile, Surroundings, devices},
    },
};

use super::{
    trial::{self, Received, TrialError},
    variables::{self, Variable},
    versions::Versions,
};

/// What was found.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) surroundings: Surroundings,
    pub(crate) variables: Vec<Variable>,
    /// Whose slots pools take back, where they are not told otherwise.
    pub(crate) reclaim: ReclaimPolicy,
    pub(crate) versions: Versions,
    /// What the driver counts, without a context.
    pub(crate) devices: Result<Vec<CountedDevice>, FallbackReason>,
    /// The device that was asked for.
    pub(crate) asked: Option<Asked>,
    /// What other processes have; why not, where it cannot be read.
    pub(crate) observation: Result<Observation, String>,
    pub(crate) trial: Result<Received, TrialError>,
    /// As in `surroundings`, after the trial.
    pub(crate) still_loose: Option<Vec<LooseFile>>,
}

/// A device that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) ordinal: usize,
    /// Its name, or why it cannot be used.
    pub(crate) device: Result<String, FallbackReason>,
}

impl Facts {
    /// Takes a second or so. Where something does not answer, its deadline: 5 seconds for all of the programs that are asked
    /// for their versions, 10 for each session of the trial and for its frame.
    pub(crate) fn gather(device: Option<usize>) -> Self {
        let surroundings = Surroundings::now();
        let observation = observe().map_err(|error| error.to_string());
        let pinner = match device {
            Some(ordinal) => Pinner::builder().device(ordinal).build(),
            None => Pinner::host_only(),
        };
        let asked = device.map(|ordinal| Asked {
            ordinal,
            device: match pinner.reason() {
                Some(reason) => Err(reason.clone()),
                None => Ok(pinner.device_name().unwrap_or_default()),
            },
        });
        let versions = Versions::found(surroundings.neighbours.as_deref().unwrap_or_default());
        Self {
            variables: variables::malformed(std::env::vars_os()),
            reclaim: ReclaimPolicy::from_environment(),
            versions,
            devices: devices(),
            asked,
            observation,
            trial: trial::run(&pinner),
            still_loose: Surroundings::now().loose_files,
            surroundings,
        }
    }
}
