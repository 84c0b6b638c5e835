//! The two layouts of a load balancer's region: with raw reservoirs, and without.

use super::{
    action::Action,
    observation::{Observation, SERVERS},
    reservoir::{Metric, Reservoir},
};
use crate::region::{AttachError, Place, Region, RegionLayout, Role};

const OBSERVATIONS: usize = 4;
const ACTIONS: usize = 4;
/// Two, so that the one before stays whole while a sample is written.
const OF_EACH_RESERVOIR: usize = 2;
const METRICS: usize = 2;

/// Where everything lies.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) observations: Place,
    pub(super) actions: Place,
    /// Empty where the region has none; else server by server, metric by metric.
    pub(super) reservoirs: Vec<Place>,
}

pub(super) fn layout(with_reservoirs: bool) -> (RegionLayout, Places) {
    let mut layout = RegionLayout::new();
    let observations = layout.add::<Observation>(Role::Owner, OBSERVATIONS);
    let actions = layout.add::<Action>(Role::Answerer, ACTIONS);
    let count = if with_reservoirs {
        SERVERS * METRICS
    } else {
        0
    };
    let reservoirs = (0..count)
        .map(|_| layout.add::<Reservoir>(Role::Owner, OF_EACH_RESERVOIR))
        .collect();
    (
        layout,
        Places {
            observations,
            actions,
            reservoirs,
        },
    )
}

/// Which reservoir is which; `None` beyond the last server.
pub(super) fn reservoir_index(server: usize, metric: Metric) -> Option<usize> {
    (server < SERVERS).then_some(server * METRICS + metric as usize)
}

/// Attaches a region of either layout.
pub(super) fn attach(name: &str, role: Option<Role>) -> Result<(Region, Places), AttachError> {
    let (with, places) = layout(true);
    match Region::attach(name, role, &with) {
        Err(AttachError::OtherLayout { .. }) => {
            let (without, places) = layout(false);
            Ok((Region::attach(name, role, &without)?, places))
        }
        result => Ok((result?, places)),
    }
}
