//! What reads foreign bytes and writes Arrow streams, for this repository's fuzzing and benchmarks. Not covered by
//! semver.

pub use crate::{
    arrow_stream::{ArrowStream, values_of},
    dora::{
        link::{
            environment::{Environment, NODE_CONFIG, node_in, parse as parse_config, variable},
            framing::read_message,
        },
        route::acknowledgement::{Acknowledgement, read as read_acknowledgement},
    },
};
