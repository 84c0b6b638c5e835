#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

#[cfg(not(target_os = "linux"))]
compile_error!("zenoh-pinned-exchange needs Linux: /dev/shm, F_OFD_SETLK, MADV_WIPEONFORK");

#[doc(hidden)]
pub mod c;
mod copy;
mod load_balancer;
mod os;
mod protocol;
mod record;
mod region;
mod ring;

pub use bytemuck;
pub use load_balancer::{
    Action, ActionError, ActionFault, Agent, AliasColumn, DataPlane, DataPlaneBuilder, FEATURES,
    Metric, Observation, Observer, RESERVOIR_SAMPLES, Reservoir, SERVERS, ServerStatistics,
    WeightsError, WriteActionError, feature_names,
};
pub use protocol::{ReadError, Stamp};
pub use record::Record;
pub use region::{AttachError, CreateError, NameError, WriterAlive};
pub use ring::{Forked, Message, Ring, RingReader, RingWriter};
