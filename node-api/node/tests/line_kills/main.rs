//! Publishers and subscribers in processes of their own, that join, leave, are stopped, go on and are killed at random:
//! each frame comes whole, in order, once, and no slot is lost; unmodified subscribers beside them get everything.
//!
//! `ZENOH_PINNED_KILL_FRAMES` says how many frames each of the three runs publishes (100,000 in the long run),
//! `ZENOH_PINNED_KILL_SEED` repeats one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod checked;
mod publisher;
mod run;
mod subscriber;
mod worker;

use run::Run;

#[test]
fn beside_zenoh_every_frame_comes_whole_in_order_and_once_whoever_is_killed_or_stopped() {
    Run::new(1).alone(false).unmodified(true).go();
}

#[test]
fn alone_and_with_unmodified_subscribers_too() {
    Run::new(2).alone(true).unmodified(true).go();
}

#[test]
fn alone_without_any_put_too() {
    Run::new(3).alone(true).unmodified(false).go();
}
