//! Regions that are made, adopted, attached, refused and removed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod closing;
mod forked;
mod full;
#[path = "../harness/mod.rs"]
mod harness;
mod modes;
mod names;
mod not_a_region;
mod other_layout;
mod successors;
mod users;
mod writers;

use harness::{
    name::Name,
    worker::{self, Worker},
};
use zenoh_pinned_exchange::{Agent, DataPlane, Observation, Observer};

/// A process that has the region's end of this kind until it is told to end, or killed.
fn process_with(end: &str, name: &Name) -> Worker {
    let mut worker = worker::orders("worker_with_an_end")
        .with("END", end)
        .with("NAME", &**name)
        .start();
    worker.line("has it");
    worker
}

#[test]
#[ignore = "a worker of another test"]
fn worker_with_an_end() {
    let name = worker::order("NAME");
    match worker::order("END").as_str() {
        "data plane" => {
            let mut data_plane = DataPlane::create(&name).unwrap();
            for _ in 0..10 {
                write(&mut data_plane, u64::MAX);
            }
            has_it_until_the_end(data_plane);
        }
        "agent" => has_it_until_the_end(Agent::attach(&name).unwrap()),
        "observer" => has_it_until_the_end(Observer::attach(&name).unwrap()),
        end => panic!("{end}"),
    }
}

fn has_it_until_the_end<T>(end: T) {
    println!("has it");
    worker::wait_for_end();
    drop(end);
}

fn write(data_plane: &mut DataPlane, active: u64) -> u64 {
    let mut observation = Observation {
        active_as_bitmap: active,
        ..Observation::default()
    };
    data_plane.write_observation(&mut observation).unwrap()
}

#[test]
fn what_one_side_writes_the_others_read() {
    let name = Name::new();
    let mut data_plane = DataPlane::builder(&name).reservoirs(true).create().unwrap();
    let mut agent = Agent::attach(&name).unwrap();
    let mut observer = Observer::attach(&name).unwrap();
    assert!(agent.read_observation().unwrap().is_none());
    assert_eq!(write(&mut data_plane, 0b11), 1);
    assert_eq!(write(&mut data_plane, 0b111), 2);

    let seen = agent.read_observation().unwrap().unwrap();
    assert_eq!((seen.sequence, seen.missed), (2, 1));
    assert_eq!(seen.record.sequence_id, 2);
    assert_eq!(seen.record.num_active_as, 3);
    assert_eq!(seen.record.incarnation, 1);
    assert!(seen.record.timestamp_us > 1_700_000_000_000_000);
    assert_eq!(observer.read_observation().unwrap().unwrap(), seen);

    agent.write_action(2, &[1.0, 2.0, 3.0, 4.0]).unwrap();
    let action = *data_plane.read_action().unwrap().unwrap();
    assert_eq!(action.weights[..4], [1.0, 2.0, 3.0, 0.0]);
    assert_eq!(data_plane.action(), Some(&action));
    assert!(data_plane.read_action().unwrap().is_none());
    assert_eq!(observer.read_action().unwrap().unwrap().record, action);
}

#[test]
fn reservoirs_are_exchanged_one_by_one_where_the_region_has_them() {
    use zenoh_pinned_exchange::{Metric, Reservoir};
    let (with, without) = (Name::new(), Name::new());
    let mut samples = Reservoir::default();
    (
        samples.values[0],
        samples.timestamps[0],
        samples.seen,
        samples.count,
    ) = (0.5, 7, 100, 1);
    let mut plane = DataPlane::builder(&with).reservoirs(true).create().unwrap();
    let mut agent = Agent::attach(&with).unwrap();
    assert!(
        plane
            .write_reservoir(63, Metric::FlowDuration, &samples)
            .unwrap()
    );
    assert!(
        !plane
            .write_reservoir(64, Metric::FlowDuration, &samples)
            .unwrap()
    );
    let read = agent
        .read_reservoir(63, Metric::FlowDuration)
        .unwrap()
        .unwrap();
    assert_eq!((read.sequence, read.record), (1, samples));
    assert!(
        agent
            .read_reservoir(63, Metric::FlowDuration)
            .unwrap()
            .is_none()
    );
    assert!(
        agent
            .read_reservoir(63, Metric::FlowCompletionTime)
            .unwrap()
            .is_none()
    );
    assert!(
        agent
            .read_reservoir(64, Metric::FlowCompletionTime)
            .unwrap()
            .is_none()
    );

    let mut plane = DataPlane::create(&without).unwrap();
    assert!(
        !plane
            .write_reservoir(0, Metric::FlowDuration, &samples)
            .unwrap()
    );
    let mut agent = Agent::attach(&without).unwrap();
    assert!(
        agent
            .read_reservoir(0, Metric::FlowDuration)
            .unwrap()
            .is_none()
    );
}
