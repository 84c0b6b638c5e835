//! How publishers and subscribers of one host find each other, and how lines and zenoh keep one order.
//!
//! Holds: what either says of itself by way of zenoh (`token`); a publisher's lines (`lines`); what a subscriber knows of
//! its sources, a table without effects (`sources`); and its zenoh subscription, which it does without where a publisher
//! alone publishes on its key (`subscription`).
//!
//! # Meeting
//! A subscriber makes an inbox, declares its zenoh subscription, and then a liveliness token that says where the inbox is.
//! A publisher, when it is declared and whenever a token appears, opens a lane in each inbox that it can reach and whose
//! key expression its own meets. The next frame, number `first`, is the first one in the lane, and each one after it is
//! there too. zenoh stays as it is: who has no line gets zenoh's put.
//!
//! # One order
//! Each put carries zenoh's source information: the publisher, and the number of the frame. So a subscriber knows without
//! looking into the payload what a frame that zenoh brings is:
//! | it comes by zenoh, and its number is | then |
//! |---|---|
//! | below `first` | it is handed out, before anything of that publisher's lane; lost and counted where the lane has begun |
//! | from `first` on | it is in the lane: dropped here, before it costs anything. All earlier ones have come |
//! | from where the lane ended on | it is handed out, after what is in the lane |
//!
//! What is in the lane waits until all earlier frames have come by zenoh: the last of them has, or a double, or there are
//! none, or the subscriber has had no zenoh subscription since; or [`sources::JOIN_PATIENCE`] has passed, because zenoh may
//! have dropped it. What comes all the same is late: a subscriber that stands still for that long while it joins loses it.
//!
//! # A publisher that is alone on its key
//! says so by a token of its own, and in its lanes. A subscriber to exactly that key then undeclares its zenoh
//! subscription, for as long as the lane and the token stand; it declares it again when either goes, also when the
//! publisher is killed. So zenoh's own matching tells the publisher whether anybody is left who needs a put. A subscriber
//! with wildcards keeps its subscription, as others may publish on other keys: then there is a put for it. One that joins
//! late begins as everybody does. Whether it is true cannot be found out: zenoh announces no plain `session.put`. A
//! publisher of ours that is not alone after all still reaches everybody by lines of its own; one that is not ours would
//! be missed.
//!
//! Knowingly weak:
//! - What a publisher that is not ours puts in the milliseconds between the end of one that was alone and the new
//!   subscription is missed.
//! - Beside zenoh, frames are put as well, and what a subscriber that stands still has not read from its socket keeps its
//!   slots as it does for any subscriber of zenoh's. Only a publisher that is alone loses no more than the capacity.
//! - A subscriber that stands still for longer than [`sources::JOIN_PATIENCE`] while it joins may lose frames that zenoh
//!   brings meanwhile; they are counted.

mod lines;
pub(super) mod sources;
mod subscription;
mod token;

pub use lines::LineToSubscriber;
pub(super) use lines::{Handed, Lines, NotHanded};
pub(super) use subscription::Subscription;
pub(super) use token::{AloneToken, InboxToken, source_of};

/// Whether lines are wanted in this process: `ZENOH_PINNED_LINE=off` says no.
pub(super) fn is_wanted() -> bool {
    !std::env::var_os("ZENOH_PINNED_LINE").is_some_and(|value| value == "off" || value == "0")
}
