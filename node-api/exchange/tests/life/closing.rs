//! Who closes last takes the name away.

use std::sync::Barrier;

use super::*;

#[test]
fn the_name_goes_with_the_last_one_whichever_that_is() {
    type Ends = (DataPlane, Agent, Observer);
    let orders: [fn(&Name, Ends); 3] = [
        |name, (data_plane, agent, observer)| {
            drop(data_plane);
            drop(observer);
            assert!(name.is_taken());
            drop(agent);
        },
        |name, (data_plane, agent, observer)| {
            drop(agent);
            drop(observer);
            assert!(name.is_taken());
            drop(data_plane);
        },
        |name, (data_plane, agent, observer)| {
            drop(agent);
            drop(data_plane);
            assert!(name.is_taken());
            drop(observer);
        },
    ];
    for (order, close) in orders.into_iter().enumerate() {
        let name = Name::new();
        let data_plane = DataPlane::create(&name).unwrap();
        let agent = Agent::attach(&name).unwrap();
        let observer = Observer::attach(&name).unwrap();
        close(&name, (data_plane, agent, observer));
        assert!(!name.is_taken(), "order {order}");
    }
}

#[test]
fn of_those_that_close_at_once_one_takes_it_away() {
    for round in 0..500 {
        let name = Name::new();
        let data_plane = DataPlane::create(&name).unwrap();
        let agent = Agent::attach(&name).unwrap();
        let observer = Observer::attach(&name).unwrap();
        let together = Barrier::new(3);
        std::thread::scope(|scope| {
            let close = || together.wait();
            scope.spawn(move || (close(), drop(data_plane)));
            scope.spawn(move || (close(), drop(agent)));
            scope.spawn(move || (close(), drop(observer)));
        });
        assert!(!name.is_taken(), "round {round}");
    }
}

#[test]
fn a_data_plane_that_comes_while_an_agent_closes_has_a_region_that_others_find() {
    for round in 0..500 {
        let name = Name::new();
        drop(DataPlane::create(&name).map(|_| Agent::attach(&name).unwrap()));
        let first = DataPlane::create(&name).unwrap();
        let agent = Agent::attach(&name).unwrap();
        drop(first);
        let together = Barrier::new(2);
        let mut data_plane = std::thread::scope(|scope| {
            scope.spawn(|| {
                together.wait();
                drop(agent);
            });
            together.wait();
            DataPlane::create(&name).unwrap()
        });
        let number = write(&mut data_plane, 1);
        let mut observer = Observer::attach(&name).unwrap();
        let seen = observer.read_observation().unwrap().unwrap();
        assert_eq!(seen.sequence, number, "round {round}");
    }
}

#[test]
fn of_data_planes_that_come_at_once_one_gets_it() {
    for _ in 0..200 {
        let name = Name::new();
        let together = Barrier::new(2);
        let come = || {
            together.wait();
            DataPlane::create(&name)
        };
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(come);
            (come(), one.join().unwrap())
        });
        assert_eq!(
            u32::from(one.is_ok()) + u32::from(other.is_ok()),
            1,
            "{one:?} {other:?}"
        );
        assert!(Observer::attach(&name).is_ok());
    }
}

/// Its name is another's by then.
#[test]
fn a_file_that_took_the_name_over_stays() {
    let name = Name::new();
    let data_plane = DataPlane::create(&name).unwrap();
    std::fs::remove_file(name.path()).unwrap();
    std::fs::write(name.path(), "of somebody else").unwrap();
    drop(data_plane);
    assert_eq!(std::fs::read(name.path()).unwrap(), b"of somebody else");
}
