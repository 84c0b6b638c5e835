//! What the arms ask of the line. Everything that they ask of it is asked here.

use zenoh_pinned_node::pubsub::{
    FrameSubscriberBuilder, Overflow, PinnedPublisher, PinnedPublisherBuilder,
};

use super::Arm;

/// A publisher that sends as the arm does.
pub fn publisher(builder: PinnedPublisherBuilder, arm: Arm) -> PinnedPublisherBuilder {
    match arm {
        Arm::Alone => builder.alone(),
        Arm::BesideZenoh => builder,
        Arm::Floor | Arm::Zenoh | Arm::Iceoryx => builder.line(false),
    }
}

/// A subscriber that receives as the arm does. It is as deep as the publisher's pool has slots, so nothing is ever
/// refused: the pool holds the publisher up.
pub fn subscriber(builder: FrameSubscriberBuilder, arm: Arm) -> FrameSubscriberBuilder {
    let by_line = matches!(arm, Arm::BesideZenoh | Arm::Alone);
    builder.overflow(Overflow::Refuse).line(by_line)
}

/// How many of a publisher's lines are open.
pub fn open_lines(publisher: &PinnedPublisher) -> usize {
    let lines = publisher.lines();
    lines.iter().filter(|line| line.is_open()).count()
}
