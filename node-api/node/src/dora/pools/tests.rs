//! Pools as messages make and outgrow them, in real shared memory.

use super::*;

const MIB: usize = 1 << 20;

fn pools(max_bytes: u64) -> Pools {
    let settings = Settings {
        slots: Some(4),
        max_bytes,
        ..Settings::default()
    };
    Pools::new(String::from("test"), &settings)
}

fn id(output: &str) -> DataId {
    DataId::from(output.to_owned())
}

/// Takes the way of a message up to its slot.
fn slot(pools: &mut Pools, output: &str, bytes: usize) -> Result<zenoh_pinned::Slot, NoPool> {
    let output = id(output);
    let free = |pools: &Pools| {
        let fitting = pools.fitting(&output, bytes);
        fitting.iter().find_map(|pool| pool.try_alloc(bytes).ok())
    };
    if let Some(slot) = free(pools) {
        return Ok(slot);
    }
    if let Some(plan) = pools.plan(&output, bytes)? {
        let pool = pools.make(plan)?;
        pools.adopt(&output, pool);
    }
    assert!(pools.left_bytes() <= pools.max_bytes);
    let used: u64 = pools.statistics().iter().map(|pool| pool.bytes).sum();
    assert!(used <= pools.max_bytes, "{used} of {}", pools.max_bytes);
    free(pools).ok_or(NoPool::Held)
}

#[test]
fn one_pool_serves_all_messages_of_an_output_that_fit_its_slots() {
    let mut pools = pools(1 << 20);
    for bytes in [10_000, 1, 5000, 12_288] {
        drop(slot(&mut pools, "image", bytes).unwrap());
        assert_eq!(pools.statistics().len(), 1, "{bytes}");
    }
    let small = pools.statistics()[0].bytes;
    drop(slot(&mut pools, "image", 12_289).unwrap());
    // It has room for messages that grow a little, and the first one's memory is free again.
    drop(slot(&mut pools, "image", 24_000).unwrap());
    drop(slot(&mut pools, "image", 1).unwrap());
    let statistics = pools.statistics();
    assert_eq!(statistics.len(), 1);
    assert!(statistics[0].bytes > small);
}

#[test]
fn the_bound_lowers_the_slots_and_then_refuses() {
    let mut pools = pools(100_000);
    drop(slot(&mut pools, "image", 40_000).unwrap());
    assert_eq!(pools.statistics()[0].slots, 2);
    let refused = slot(&mut pools, "image", 98_000).unwrap_err();
    assert!(matches!(
        refused,
        NoPool::OverBudget {
            needed_bytes: 98_000,
            max_bytes: 100_000,
            ..
        }
    ));
    // What fits goes on.
    drop(slot(&mut pools, "image", 100).unwrap());
}

#[test]
fn messages_that_grow_are_never_locked_out_of_a_bound_that_holds_them() {
    for sizes in [
        &[16, 17, 33, 65][..],
        &[8, 9, 17, 33],
        &[31, 126],
        &[1, 2, 3, 5, 9, 17, 33, 65, 130, 251],
    ] {
        let mut pools = pools(256 << 20);
        pools.slots = Some(8);
        // A consumer keeps each message until the next one arrives, where two of them fit.
        let mut held = None;
        for size in sizes {
            for _ in 0..3 {
                if *size > 128 {
                    held = None;
                }
                let next = slot(&mut pools, "image", size * MIB);
                let next = next.unwrap_or_else(|error| panic!("{sizes:?} at {size}: {error}"));
                drop(held.replace(next.into_shm()));
            }
        }
    }
}

#[test]
fn a_pool_that_was_made_short_gets_its_other_slots_when_there_is_room() {
    let mut pools = pools(100 << 20);
    let kept = slot(&mut pools, "image", 30 * MIB).unwrap().into_shm();
    let bytes = 40 * MIB;
    let first = slot(&mut pools, "image", bytes).unwrap().into_shm();
    assert_eq!(pools.fitting(&id("image"), bytes)[0].statistics().slots, 1);
    drop(kept);
    let second = slot(&mut pools, "image", bytes).unwrap().into_shm();
    assert!(matches!(
        slot(&mut pools, "image", bytes),
        Err(NoPool::Held)
    ));
    drop((first, second));
}

#[test]
fn an_output_that_is_kept_full_leaves_the_others_their_slots() {
    let mut pools = pools(4 << 20);
    // As many as there are: a consumer that reads nothing.
    let camera: Vec<_> = std::iter::from_fn(|| {
        slot(&mut pools, "image", MIB - 4096)
            .ok()
            .map(zenoh_pinned::Slot::into_shm)
    })
    .collect();
    assert_eq!(camera.len(), 4);
    let bytes = MIB - 8192;
    let lidar = slot(&mut pools, "points", bytes).unwrap_err();
    assert!(matches!(lidar, NoPool::Held), "{lidar}");
    // As soon as slots come free, they are the other's, up to its part.
    drop(camera);
    let lidar = slot(&mut pools, "points", bytes).unwrap();
    assert_eq!(pools.of(&id("points"))[0].statistics().slots, 2);
    assert_eq!(pools.of(&id("image"))[0].statistics().slots, 2);
    drop(lidar);
}
