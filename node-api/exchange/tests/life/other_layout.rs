//! Regions of other records, sizes or numbers of slots.

use super::*;
use harness::numbered::Numbered;
use zenoh_pinned_exchange::{AttachError, CreateError, Record, Ring, bytemuck};

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[bytemuck(crate = "bytemuck")]
#[repr(C)]
struct SameSize(Numbered);

impl Record for SameSize {
    const NAME: &str = "as large, and something else";
}

#[test]
fn another_layout_is_refused_while_somebody_uses_it_and_replaced_afterwards() {
    let name = Name::new();
    let mut ring = Ring::<Numbered, 4>::create(&name, 0o600).unwrap();
    let refused = |result: Result<_, CreateError>| {
        assert!(
            matches!(result, Err(CreateError::OtherLayout { .. })),
            "{result:?}"
        );
    };
    refused(Ring::<SameSize, 4>::create(&name, 0o600).map(drop));
    refused(Ring::<Numbered, 5>::create(&name, 0o600).map(drop));
    refused(DataPlane::create(&name).map(drop));
    let other = |result: Result<_, AttachError>| {
        assert!(
            matches!(result, Err(AttachError::OtherLayout { .. })),
            "{result:?}"
        );
    };
    other(Ring::<SameSize, 4>::attach(&name).map(drop));
    other(Ring::<Numbered, 1>::attach(&name).map(drop));
    other(Agent::attach(&name).map(drop));
    other(Observer::attach(&name).map(drop));
    // Nobody was harmed by all that.
    ring.write(&Numbered::of(1)).unwrap();
    let reader = Ring::<Numbered, 4>::attach(&name).unwrap();
    drop(ring);
    refused(DataPlane::create(&name).map(drop));
    drop(reader);
}

#[test]
fn one_that_is_left_over_is_replaced() {
    let name = Name::new();
    process_with("data plane", &name).kill();
    let mut ring = Ring::<Numbered, 4>::create(&name, 0o600).unwrap();
    assert_eq!(ring.write(&Numbered::of(1)), Ok(1));
    drop(ring);
    assert!(!name.is_taken());

    process_with("data plane", &name).kill();
    let with = DataPlane::builder(&name).reservoirs(true).create().unwrap();
    assert_eq!(with.incarnation(), 1);
}

#[test]
fn an_attached_observer_keeps_what_its_killed_writer_left_from_being_replaced() {
    let name = Name::new();
    let mut killed = process_with("data plane", &name);
    let observer = Observer::attach(&name).unwrap();
    killed.kill();
    let refused = Ring::<Numbered, 4>::create(&name, 0o600);
    assert!(matches!(refused, Err(CreateError::OtherLayout { .. })));
    drop(observer);
    Ring::<Numbered, 4>::create(&name, 0o600).unwrap();
}
