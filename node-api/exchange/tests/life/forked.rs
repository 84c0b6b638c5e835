//! A forked child has nothing of its parent's regions, and harms none.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::*;
use harness::{
    EndAtLast, eventually,
    forked::{Waiting, in_forked_child},
    numbered::Numbered,
    signal,
};
use zenoh_pinned_exchange::{
    ActionError, CreateError, Forked, Metric, ReadError, Reservoir, Ring, WriteActionError,
};

#[test]
fn every_call_of_a_data_plane_is_refused_in_a_forked_child() {
    let name = Name::new();
    let mut data_plane = DataPlane::builder(&name).reservoirs(true).create().unwrap();
    let _agent = Agent::attach(&name).unwrap();
    let calls = |data_plane: &mut DataPlane| {
        let write = data_plane.write_observation(&mut Observation::default());
        assert_eq!(write, Err(Forked));
        assert_eq!(
            data_plane.read_action(),
            Err(ActionError::Read(ReadError::Forked))
        );
        let write = data_plane.write_reservoir(0, Metric::FlowDuration, &Reservoir::default());
        assert_eq!(write, Err(Forked));
        assert_eq!(data_plane.agent(), None);
    };
    in_forked_child(|| calls(&mut data_plane));
    assert_eq!(write(&mut data_plane, 1), 1);
    in_forked_child(|| calls(&mut data_plane));
    in_forked_child(|| in_forked_child(|| calls(&mut data_plane)));
}

#[test]
fn every_call_of_an_agent_is_refused_in_a_forked_child() {
    let name = Name::new();
    let mut data_plane = DataPlane::builder(&name).reservoirs(true).create().unwrap();
    let mut agent = Agent::attach(&name).unwrap();
    let calls = |agent: &mut Agent| {
        assert_eq!(agent.read_observation(), Err(ReadError::Forked));
        assert_eq!(
            agent.write_action(1, &[1.0]),
            Err(WriteActionError::Forked(Forked))
        );
        assert_eq!(
            agent.read_reservoir(0, Metric::FlowDuration),
            Err(ReadError::Forked)
        );
        assert_eq!(agent.data_plane(), None);
    };
    in_forked_child(|| calls(&mut agent));
    write(&mut data_plane, 1);
    agent.read_observation().unwrap().unwrap();
    in_forked_child(|| calls(&mut agent));
}

#[test]
fn every_call_of_an_observer_is_refused_in_a_forked_child() {
    let name = Name::new();
    let _data_plane = DataPlane::builder(&name).reservoirs(true).create().unwrap();
    let mut observer = Observer::attach(&name).unwrap();
    in_forked_child(|| {
        assert_eq!(observer.read_observation(), Err(ReadError::Forked));
        assert_eq!(observer.read_action(), Err(ReadError::Forked));
        assert_eq!(
            observer.read_reservoir(0, Metric::FlowDuration),
            Err(ReadError::Forked)
        );
        assert_eq!((observer.data_plane(), observer.agent()), (None, None));
    });
}

#[test]
fn every_call_of_a_ring_is_refused_in_a_forked_child() {
    let name = Name::new();
    let mut writer = Ring::<Numbered, 2>::create(&name, 0o600).unwrap();
    let mut reader = Ring::<Numbered, 2>::attach(&name).unwrap();
    in_forked_child(|| {
        assert_eq!(writer.write(&Numbered::of(1)), Err(Forked));
        assert!(matches!(reader.newest(), Err(ReadError::Forked)));
        assert!(matches!(reader.next(), Err(ReadError::Forked)));
        assert_eq!((reader.writer(), reader.incarnation()), (None, 0));
    });
}

#[test]
fn what_a_forked_child_drops_stays_its_parents() {
    let name = Name::new();
    let mut data_plane = Some(DataPlane::create(&name).unwrap());
    let mut agent = Some(Agent::attach(&name).unwrap());
    let mut observer = Some(Observer::attach(&name).unwrap());
    in_forked_child(|| {
        drop((data_plane.take(), agent.take(), observer.take()));
    });
    assert!(name.is_taken());
    assert!(DataPlane::create(&name).is_err(), "the lock is still held");
    let (mut data_plane, mut agent) = (data_plane.unwrap(), agent.unwrap());
    write(&mut data_plane, 1);
    agent.read_observation().unwrap().unwrap();
    agent.write_action(1, &[1.0]).unwrap();
    assert!(data_plane.read_action().unwrap().is_some());
}

#[test]
fn a_forked_child_opens_the_region_anew() {
    let name = Name::new();
    let mut data_plane = DataPlane::create(&name).unwrap();
    in_forked_child(|| {
        let mut agent = Agent::attach(&name).unwrap();
        assert!(agent.read_observation().unwrap().is_none());
    });
    assert_eq!(write(&mut data_plane, 1), 1);
}

#[test]
fn who_closes_gives_the_locks_back_although_a_forked_child_has_the_file() {
    let name = Name::new();
    let data_plane = DataPlane::create(&name).unwrap();
    let agent = Agent::attach(&name).unwrap();
    let _child = Waiting::new();
    drop(data_plane);
    let data_plane = DataPlane::create(&name).unwrap();
    drop(agent);
    let agent = Agent::attach(&name).unwrap();
    drop((data_plane, agent));
    assert!(!name.is_taken());
}

#[test]
fn a_lock_that_a_forked_child_of_a_dead_writer_keeps_is_told() {
    let name = Name::new();
    let mut parent = worker::orders("forked::worker_that_forks")
        .with("NAME", &*name)
        .start();
    let child = parent.line("forked").parse().unwrap();
    let pid = parent.pid();
    parent.kill();
    let error = DataPlane::create(&name).unwrap_err();
    assert!(
        matches!(&error, CreateError::WriterAlive(alive) if alive.pid == pid),
        "{error:?}"
    );
    let told = format!("process {pid}, which has ended, but a process that it forked");
    assert!(error.to_string().contains(&told), "{error}");
    signal::kill(child);
    eventually("the lock stays", || DataPlane::create(&name).is_ok());
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_forks() {
    let data_plane = DataPlane::create(&worker::order("NAME")).unwrap();
    let child = Waiting::new();
    println!("forked {}", child.pid());
    worker::wait_for_end();
    drop((data_plane, child));
}

/// A child has every file that its parent had open just then, and with them the locks that were not given back.
#[test]
fn forks_while_regions_are_opened_and_closed_leave_no_names_behind() {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                in_forked_child(|| std::thread::sleep(Duration::from_millis(2)));
            }
        });
        let _end = EndAtLast(&ended);
        for round in 0..500 {
            let name = Name::new();
            let data_plane = DataPlane::create(&name).unwrap();
            let agent = Agent::attach(&name).unwrap();
            let observer = Observer::attach(&name).unwrap();
            drop((data_plane, agent, observer));
            assert!(!name.is_taken(), "round {round}");
        }
    });
}
