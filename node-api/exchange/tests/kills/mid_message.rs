//! Writers that died within a message, at a point that the test chooses.

use zenoh_pinned_exchange::{Agent, DataPlane, Observer, Ring, bytemuck};

use crate::harness::{
    name::Name,
    numbered::{Numbered, is_whole, observation},
    words::{ACTIONS, OBSERVATIONS, Words, lane_of_ring},
};

/// A region with seven observations, an interrupted eighth, and an agent that is attached.
fn interrupted(name: &Name) -> Agent {
    let mut data_plane = DataPlane::create(name).unwrap();
    let mut agent = Agent::attach(name).unwrap();
    for tag in 1..=7 {
        data_plane.write_observation(&mut observation(tag)).unwrap();
    }
    let half = observation(999);
    let half = bytemuck::cast_slice(bytemuck::bytes_of(&half));
    Words::of(name).begin(OBSERVATIONS, 8, half);
    assert_eq!(agent.read_observation().unwrap().unwrap().sequence, 7);
    agent
}

#[test]
fn the_number_of_an_interrupted_observation_is_not_used_again() {
    let name = Name::new();
    let mut agent = interrupted(&name);
    let mut successor = DataPlane::create(&name).unwrap();
    assert!(agent.read_observation().unwrap().is_none());
    let mut late = Observer::attach(&name).unwrap();
    let seen = late.read_observation().unwrap().unwrap();
    assert!(is_whole(&seen.record, 7));
    assert_eq!(successor.write_observation(&mut observation(1)), Ok(9));
    let seen = agent.read_observation().unwrap().unwrap();
    assert_eq!((seen.sequence, seen.missed), (9, 1));
    assert!(is_whole(&seen.record, 9));
}

#[test]
fn the_number_of_an_interrupted_action_is_not_used_again() {
    let name = Name::new();
    let mut data_plane = DataPlane::create(&name).unwrap();
    let mut agent = Agent::attach(&name).unwrap();
    data_plane.write_observation(&mut observation(1)).unwrap();
    agent.read_observation().unwrap().unwrap();
    agent.write_action(1, &[1.0]).unwrap();
    let action = *data_plane.read_action().unwrap().unwrap();
    drop(agent);
    let half = bytemuck::cast_slice(bytemuck::bytes_of(&action));
    Words::of(&name).begin(ACTIONS, 2, half);
    assert_eq!(data_plane.read_action(), Ok(None));

    let mut agent = Agent::attach(&name).unwrap();
    agent.read_observation().unwrap().unwrap();
    agent.write_action(1, &[2.0]).unwrap();
    let mut observer = Observer::attach(&name).unwrap();
    assert_eq!(observer.read_action().unwrap().unwrap().sequence, 3);
    assert_eq!(data_plane.read_action().unwrap().unwrap().weights[0], 2.0);
}

/// All but the last store of a message had been done: the version says whole, `newest` does not name it.
#[test]
fn a_message_that_was_whole_and_not_yet_named_is_not_written_a_second_time() {
    let name = Name::new();
    let lane = lane_of_ring(4, size_of::<Numbered>());
    let mut writer = Ring::<Numbered, 4>::create(&name, 0o600).unwrap();
    let mut reader = Ring::<Numbered, 4>::attach(&name).unwrap();
    writer.write(&Numbered::of(1)).unwrap();
    writer.write(&Numbered::of(2)).unwrap();
    let words = Words::of(&name);
    words.set(lane.newest, 1);
    assert_eq!(reader.newest().unwrap().unwrap().sequence, 1);
    drop(writer);
    let mut writer = Ring::<Numbered, 4>::create(&name, 0o600).unwrap();
    assert_eq!(writer.write(&Numbered::of(3)), Ok(3));
    // It is there after all, and the one that follows it is not confused with it.
    let mut records = std::iter::from_fn(|| reader.next().unwrap());
    assert_eq!(records.next().unwrap().sequence, 2);
    assert_eq!(records.next().unwrap().sequence, 3);
}

/// Each of many successors dies within its first message.
#[test]
fn successors_that_all_die_within_a_message_leave_what_the_first_one_wrote() {
    let name = Name::new();
    let mut agent = interrupted(&name);
    let words = Words::of(&name);
    // Three of four slots: the fourth has the newest whole one.
    for expected in [9, 10] {
        let mut successor = DataPlane::create(&name).unwrap();
        let number = successor.write_observation(&mut observation(1)).unwrap();
        assert_eq!(number, expected);
        // As if it had not come that far.
        words.set(OBSERVATIONS.version(number), 2 * number - 1);
        words.set(OBSERVATIONS.newest, 7);
    }
    assert!(agent.read_observation().unwrap().is_none());
    let mut late = Observer::attach(&name).unwrap();
    assert!(is_whole(
        &late.read_observation().unwrap().unwrap().record,
        7
    ));
    let mut successor = DataPlane::create(&name).unwrap();
    assert_eq!(successor.write_observation(&mut observation(1)), Ok(11));
    assert_eq!(agent.read_observation().unwrap().unwrap().sequence, 11);
}
