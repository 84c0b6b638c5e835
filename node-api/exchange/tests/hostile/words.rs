//! The words of the header and the lanes, overwritten.

use std::sync::atomic::{AtomicBool, Ordering};

use zenoh_pinned_exchange::{Agent, DataPlane, Metric, Observer, Reservoir};

use crate::harness::{
    EndAtLast,
    name::Name,
    numbered::{observation, weights},
    random::Random,
    words::{ACTIONS, INCARNATIONS, OBSERVATIONS, PIDS, Words},
};

const CHOSEN: [u64; 14] = [
    0,
    1,
    2,
    3,
    u32::MAX as u64,
    i64::MAX as u64,
    1 << 60,
    (1 << 61) - 2,
    (1 << 61) - 1,
    1 << 61,
    1 << 62,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];

/// The words that mean something: the header, and each lane's numbers.
fn numbers() -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..2).collect();
    numbers.extend(INCARNATIONS.iter().chain(&PIDS));
    for lane in [OBSERVATIONS, ACTIONS] {
        numbers.push(lane.newest);
        numbers.extend((1..=lane.slots as u64).map(|slot| lane.version(slot)));
    }
    numbers
}

/// Calls all there is; what it answers is somebody else's business, that it does is this test's.
fn call_all(name: &Name, data_plane: &mut DataPlane, agent: &mut Agent, observer: &mut Observer) {
    data_plane.write_observation(&mut observation(1)).unwrap();
    let _ = agent.read_observation();
    let _ = agent.write_action(1, &weights(1));
    if let Ok(Some(action)) = data_plane.read_action() {
        action.check(u64::MAX).unwrap();
    }
    let _ = observer.read_observation();
    let _ = observer.read_action();
    let _ = data_plane.write_reservoir(0, Metric::FlowDuration, &Reservoir::default());
    let _ = agent.read_reservoir(0, Metric::FlowDuration);
    let _ = (
        data_plane.agent(),
        agent.data_plane(),
        observer.data_plane(),
    );
    let (refused, other) = (DataPlane::create(name), Agent::attach(name));
    println!("{} {}", refused.unwrap_err(), other.unwrap_err());
    if let Ok(mut late) = Observer::attach(name) {
        let _ = late.read_observation();
        let _ = late.read_action();
    }
}

#[test]
fn any_value_in_any_word_that_means_something_is_answered() {
    for word in numbers() {
        for value in CHOSEN {
            let name = Name::new();
            let mut data_plane = DataPlane::create(&name).unwrap();
            let mut agent = Agent::attach(&name).unwrap();
            let mut observer = Observer::attach(&name).unwrap();
            let words = Words::of(&name);
            for rounds in [1, 5] {
                words.set(word, value);
                for _ in 0..rounds {
                    call_all(&name, &mut data_plane, &mut agent, &mut observer);
                }
            }
            words.set(word, value);
            drop((data_plane, agent));
            // Adopted, or refused with a reason; then gone, once the last one is.
            words.set(word, value);
            if let Ok(mut successor) = DataPlane::create(&name) {
                successor.write_observation(&mut observation(2)).unwrap();
            }
            drop(observer);
            if word > 1 {
                assert!(!name.is_taken(), "{word} {value}");
            }
        }
    }
}

#[test]
fn words_that_are_overwritten_while_everybody_works_stop_nobody() {
    let name = Name::new();
    let mut data_plane = DataPlane::create(&name).unwrap();
    let mut agent = Agent::attach(&name).unwrap();
    let mut observer = Observer::attach(&name).unwrap();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (words, numbers, mut random) = (Words::of(&name), numbers(), Random(6));
            while !ended.load(Ordering::Relaxed) {
                let anywhere = random.below(words.count());
                let word = match random.below(2) {
                    0 => anywhere,
                    _ => random.one_of(&numbers),
                };
                let value = match random.below(3) {
                    0 => random.next(),
                    1 => random.one_of(&CHOSEN),
                    // Next to what is there: numbers that look right.
                    _ => words
                        .get(word)
                        .wrapping_add(random.next() % 5)
                        .wrapping_sub(2),
                };
                words.set(word, value);
                if random.below(8) == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let _end = EndAtLast(&ended);
        for _ in 0..5_000 {
            call_all(&name, &mut data_plane, &mut agent, &mut observer);
        }
    });
}

/// What is no region of this library any more is told, and not touched.
#[test]
fn a_region_with_another_magic_or_layout_is_told() {
    use zenoh_pinned_exchange::{AttachError, CreateError};
    let name = Name::new();
    let data_plane = DataPlane::create(&name).unwrap();
    let words = Words::of(&name);
    let (magic, hash) = (words.get(0), words.get(1));
    words.set(0, magic + 1);
    assert!(matches!(
        Agent::attach(&name),
        Err(AttachError::NotARegion { .. })
    ));
    assert!(matches!(
        DataPlane::create(&name),
        Err(CreateError::NotARegion { .. })
    ));
    words.set(0, magic);
    words.set(1, hash + 1);
    assert!(matches!(
        Observer::attach(&name),
        Err(AttachError::OtherLayout { .. })
    ));
    assert!(matches!(
        DataPlane::create(&name),
        Err(CreateError::OtherLayout { .. })
    ));
    words.set(1, hash);
    Agent::attach(&name).unwrap();
    drop(data_plane);
}

/// No writer is the zeroth, whatever was written over the number of the one before.
#[test]
fn a_data_plane_behind_a_number_that_is_none_still_gets_answers() {
    let name = Name::new();
    let first = DataPlane::create(&name).unwrap();
    let mut agent = Agent::attach(&name).unwrap();
    drop(first);
    Words::of(&name).set(INCARNATIONS[0], u64::MAX);
    let mut data_plane = DataPlane::create(&name).unwrap();
    data_plane.write_observation(&mut observation(1)).unwrap();
    agent.read_observation().unwrap().unwrap();
    agent.write_action(1, &[1.0]).unwrap();
    assert!(data_plane.read_action().unwrap().is_some());
}
