//! A writer that was killed leaves the region to the next one.

use super::*;

#[test]
fn a_killed_data_plane_is_followed_without_going_back_and_an_attached_agent_goes_on() {
    let name = Name::new();
    let mut killed = process_with("data plane", &name);
    let mut agent = Agent::attach(&name).unwrap();
    let before = agent.read_observation().unwrap().unwrap();
    assert_eq!((before.sequence, before.record.incarnation), (10, 1));
    agent.write_action(10, &[1.0]).unwrap();
    killed.kill();
    assert!(name.is_taken());
    assert_eq!(agent.data_plane(), None);

    let mut successor = DataPlane::create(&name).unwrap();
    assert_eq!(successor.incarnation(), 2);
    assert_eq!(agent.data_plane(), Some(std::process::id()));
    // The action for the one before is used once it can be checked against servers that there are.
    assert_eq!(successor.read_action(), Ok(None));
    assert_eq!(write(&mut successor, 0b1), 11);
    assert_eq!(successor.read_action().unwrap().unwrap().sequence_id, 10);

    let after = agent.read_observation().unwrap().unwrap();
    assert_eq!(
        (after.sequence, after.missed, after.record.incarnation),
        (11, 0, 2)
    );
    agent.write_action(11, &[2.0]).unwrap();
    assert_eq!(successor.read_action().unwrap().unwrap().incarnation, 2);
}

#[test]
fn a_killed_agent_is_followed_by_another_whose_actions_are_new() {
    let name = Name::new();
    let mut data_plane = DataPlane::create(&name).unwrap();
    write(&mut data_plane, 1);
    let mut killed = worker::orders("successors::worker_agent_that_answers")
        .with("NAME", &*name)
        .start();
    killed.line("answered");
    killed.kill();
    let mut agent = Agent::attach(&name).unwrap();
    assert_eq!(data_plane.read_action().unwrap().unwrap().weights[0], 1.0);
    agent.read_observation().unwrap().unwrap();
    agent.write_action(1, &[2.0]).unwrap();
    assert_eq!(data_plane.read_action().unwrap().unwrap().weights[0], 2.0);
}

#[test]
#[ignore = "a worker of another test"]
fn worker_agent_that_answers() {
    let mut agent = Agent::attach(&worker::order("NAME")).unwrap();
    agent.read_observation().unwrap().unwrap();
    agent.write_action(1, &[1.0]).unwrap();
    println!("answered");
    worker::wait_for_end();
}

#[test]
fn a_region_whose_processes_were_all_killed_is_adopted() {
    let name = Name::new();
    let mut data_plane = process_with("data plane", &name);
    let mut agent = process_with("agent", &name);
    data_plane.kill();
    agent.kill();
    assert!(name.is_taken());
    let mut successor = DataPlane::create(&name).unwrap();
    assert_eq!(write(&mut successor, 1), 11);
    drop(successor);
    assert!(!name.is_taken());
}

#[test]
fn a_ring_is_followed_in_the_same_way() {
    use zenoh_pinned_exchange::Ring;
    let name = Name::new();
    let record = harness::numbered::Numbered::of;
    let mut writer = Ring::<_, 4>::create(&name, 0o600).unwrap();
    let mut reader = Ring::<harness::numbered::Numbered, 4>::attach(&name).unwrap();
    assert_eq!(writer.write(&record(7)), Ok(1));
    assert_eq!(reader.writer(), Some(std::process::id()));
    drop(writer);
    assert_eq!((reader.writer(), reader.incarnation()), (None, 1));
    let mut writer = Ring::<_, 4>::create(&name, 0o600).unwrap();
    assert_eq!(writer.write(&record(8)), Ok(2));
    assert_eq!(reader.incarnation(), 2);
    assert_eq!(reader.next().unwrap().unwrap().sequence, 1);
    assert_eq!(reader.newest().unwrap().unwrap().sequence, 2);
}
