//! What the arms ask of the line. Everything that they ask of it is asked here.

use std::any::Any;

use zenoh::Session;
use zenoh_pinned::FrameError;
use zenoh_pinned_node::pubsub::{
    FrameSubscriberBuilder, PinnedPublisher, PinnedPublisherBuilder, ReceivedFrame,
};

use super::Arm;
use crate::Outcome;

/// Whether there is a line at all: not yet, so its arms are left out.
pub const IS_HERE: bool = false;

/// A publisher that sends as the arm does.
pub fn publisher(builder: PinnedPublisherBuilder, _arm: Arm) -> PinnedPublisherBuilder {
    builder
}

/// A subscriber that receives as the arm does. It is as deep as the publisher's pool has slots, so nothing is ever
/// refused: the pool holds the publisher up.
pub fn subscriber(builder: FrameSubscriberBuilder, _arm: Arm) -> FrameSubscriberBuilder {
    builder
}

/// Calls `take` with each frame until what it gives is dropped.
pub fn listen(
    _builder: FrameSubscriberBuilder,
    _session: &Session,
    _key: &str,
    _take: impl Fn(Result<ReceivedFrame, FrameError>) + Send + Sync + 'static,
) -> Outcome<Box<dyn Any>> {
    Err("there is no line yet".into())
}

/// How many of a publisher's lines are open.
pub fn open_lines(_publisher: &PinnedPublisher) -> usize {
    0
}
