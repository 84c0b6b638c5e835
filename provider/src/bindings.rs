//! What bindings and the crates above this one need, and programs do not. Not covered by semver.
//!
//! Waits that a caller's language can end, sizes as users write them, what a forked child inherits, payloads that their
//! sender goes on reading, other processes as `/proc` shows them, signals that ask to end, the
//! surroundings, and lines.

pub use crate::{
    availability::zenoh_is_inherited,
    environment::{bytes_from_environment, parsed as bytes_in},
    interruption::{interruptible, is_interrupted, may_be_interrupted},
    os::{
        limits::physical_memory,
        per_process::{MadeHere, PerProcess},
        proc::{Look, Unseen, environment_of, own_memory_of, processes},
        runtime_folder::runtime_folder,
        termination::Termination,
    },
    pool::KeptPayload,
};

/// What decides the path on this machine; see the module's note in the source.
pub mod surroundings {
    pub use crate::surroundings::{
        CountedDevice, HugePages, Limit, LimitedCgroup, Locking, LooseFile, Neighbour,
        SharedMemoryFolder, Surroundings, devices,
    };
}

/// A descriptor's way from a publisher to a subscriber past zenoh's sockets; see the module's note in the source.
pub mod line {
    pub use crate::{
        line::{
            Bell, Delivery, Inbox, InboxAddress, LaneOwner, LaneState, Line, MAX_ATTACHMENT_BYTES,
            NoLine, Outgoing, Overflow, PROTOCOL, Stamp, sleep_unless,
        },
        os::{
            clock::nanoseconds,
            host::Whereabouts,
            peers::{Peer, Watch, watch},
        },
    };
}

/// Several frames in one message: their descriptors, while the sender keeps them, and slots that are lent to be written
/// elsewhere; see the modules' notes in the source.
pub mod descriptor {
    pub use crate::{
        frame::LentSlot,
        line::{Descriptor, DescriptorReader},
    };
}

/// Traces of frames from put to device; see the module's note in the source.
pub mod trace {
    pub use crate::trace::{
        Began, TARGET, TraceContext, begin, begin_at, tell_put, tell_put_within, tell_received,
        tell_step,
    };
}

/// What this host shows to whoever looks; see the module's note in the source.
pub mod observation {
    pub use crate::{
        figures::{
            HAND_OVER_BOUNDS, HandOverFigures, PathFigures, PoolFigures, ProcessFigures,
            ReasonFigures,
        },
        observation::{
            Identified, Observation, ObservedLane, ObservedProcess, ObservedQueue, ObservedSegment,
            SlotState, Unreadable, observe,
        },
    };
}
