//! One data plane, one agent; a second one is told who the first is.

use super::*;
use zenoh_pinned_exchange::{AttachError, CreateError};

#[test]
fn a_second_data_plane_is_refused_while_the_first_lives_and_told_its_process() {
    let name = Name::new();
    let first = process_with("data plane", &name);
    let error = DataPlane::create(&name).unwrap_err();
    let CreateError::WriterAlive(alive) = &error else {
        panic!("{error}");
    };
    assert_eq!(alive.pid, first.pid());
    let named = format!("process {}: end it, or let it write", first.pid());
    assert!(error.to_string().contains(&named), "{error}");
    // The refused one took nothing with it.
    let mut agent = Agent::attach(&name).unwrap();
    assert_eq!(agent.data_plane(), Some(first.pid()));
    assert_eq!(agent.read_observation().unwrap().unwrap().sequence, 10);
    first.end();
}

#[test]
fn a_second_agent_is_refused_while_the_first_lives_and_told_its_process() {
    let name = Name::new();
    let data_plane = DataPlane::create(&name).unwrap();
    assert_eq!(data_plane.agent(), None);
    let first = process_with("agent", &name);
    let error = Agent::attach(&name).unwrap_err();
    let AttachError::WriterAlive(alive) = &error else {
        panic!("{error}");
    };
    assert_eq!(alive.pid, first.pid());
    assert_eq!(data_plane.agent(), Some(first.pid()));
    first.end();
    assert_eq!(data_plane.agent(), None);
    Agent::attach(&name).unwrap();
}

#[test]
fn the_same_holds_within_one_process() {
    let name = Name::new();
    let own = std::process::id();
    let mut data_plane = DataPlane::create(&name).unwrap();
    let refused = DataPlane::create(&name).unwrap_err();
    assert!(matches!(refused, CreateError::WriterAlive(alive) if alive.pid == own));
    let agent = Agent::attach(&name).unwrap();
    let refused = Agent::attach(&name).unwrap_err();
    assert!(matches!(refused, AttachError::WriterAlive(alive) if alive.pid == own));
    assert_eq!(agent.data_plane(), Some(own));
    assert_eq!(write(&mut data_plane, 1), 1);
}

#[test]
fn any_number_may_observe() {
    let name = Name::new();
    let mut data_plane = DataPlane::create(&name).unwrap();
    let observers: Vec<_> = (0..20).map(|_| Observer::attach(&name).unwrap()).collect();
    write(&mut data_plane, 1);
    for mut observer in observers {
        assert_eq!(observer.read_observation().unwrap().unwrap().sequence, 1);
        assert_eq!(observer.data_plane(), Some(std::process::id()));
        assert_eq!(observer.agent(), None);
    }
}
