//! More models than fit.

use std::time::Duration;

use zenoh_pinned_models::{LoadError, Registry};

use crate::files::{Folder, is_whole};

const ELEMENTS: usize = 100_000;
/// One such model in whole pages, with its table and a page of each segment's own.
const MODEL_BYTES: u64 = (4 * ELEMENTS as u64).next_multiple_of(4096) + 3 * 4096;

#[test]
fn five_models_of_which_two_fit_are_loaded_in_turn_and_those_in_use_stay() {
    let folder = Folder::new("five");
    let names = ["a", "b", "c", "d", "e"];
    let paths = names.map(|name| folder.safetensors(name, &[("weights", ELEMENTS)]));
    let registry = Registry::builder().max_bytes(2 * MODEL_BYTES).build();
    let held = registry.load("a", &paths[0]).unwrap();
    for round in 0..3 {
        for (name, path) in names.iter().zip(&paths) {
            let weights = registry.load(name, path).unwrap();
            assert!(is_whole(&weights, 0), "{name} in round {round}");
        }
    }
    let second = registry.load("b", &paths[1]).unwrap();
    let refused = registry.load("c", &paths[2]).unwrap_err();
    let LoadError::Capacity(capacity) = &refused else {
        panic!("{refused}");
    };
    assert!(capacity.free_bytes < capacity.needed_bytes);
    let holders: Vec<_> = capacity
        .holders
        .iter()
        .map(|holder| &*holder.model)
        .collect();
    assert_eq!(holders, ["a", "b"]);
    let own = std::process::id();
    assert!(
        capacity
            .holders
            .iter()
            .all(|holder| holder.sessions.contains(&own))
    );
    assert!(refused.to_string().contains(&own.to_string()), "{refused}");
    drop((held, second));
    assert!(is_whole(&registry.load("c", &paths[2]).unwrap(), 0));
    let statistics = registry.statistics();
    assert!(statistics.evictions >= 10, "{statistics:?}");
}

#[test]
fn the_budget_of_the_host_makes_what_idles_go_as_well() {
    let folder = Folder::new("budget");
    let names = ["a", "b", "c"];
    let paths = names.map(|name| folder.safetensors(name, &[("weights", ELEMENTS)]));
    // The environment bounds the host, in a process of its own.
    if std::env::var_os("ZENOH_PINNED_HOST_BYTES").is_none() {
        let name = "capacity::the_budget_of_the_host_makes_what_idles_go_as_well";
        let outcome = std::process::Command::new("unshare")
            .args(["--mount", "--ipc", "bash", "-c"])
            .arg("mount -t tmpfs tmpfs /dev/shm && exec \"$@\"")
            .arg("bash")
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env("ZENOH_PINNED_HOST_BYTES", (2 * MODEL_BYTES).to_string())
            .output()
            .unwrap();
        if String::from_utf8_lossy(&outcome.stderr).contains("unshare failed") {
            eprintln!("skipped: no mount namespace can be made here");
            return;
        }
        let text = String::from_utf8_lossy(&outcome.stderr);
        assert!(outcome.status.success(), "{text}");
        return;
    }
    let registry = Registry::builder().max_bytes(u64::MAX >> 1).build();
    let held = registry.load("a", &paths[0]).unwrap();
    drop(registry.load("b", &paths[1]).unwrap());
    let third = registry.load("c", &paths[2]).unwrap(); // instead of b
    assert!(is_whole(&held, 0) && is_whole(&third, 0));
    let refused = registry.load("b", &paths[1]).unwrap_err();
    let LoadError::Capacity(capacity) = refused else {
        panic!("{refused}");
    };
    assert!(capacity.cause.is_some_and(|cause| cause.contains("host")));
}

#[test]
fn a_session_has_no_more_than_its_quota() {
    let folder = Folder::new("quota");
    let paths = ["a", "b"].map(|name| folder.safetensors(name, &[("weights", ELEMENTS)]));
    let registry = Registry::builder()
        .session_bytes(MODEL_BYTES)
        .time_to_live(Duration::from_secs(3600))
        .build();
    let held = registry.load("a", &paths[0]).unwrap();
    let refused = registry.load("b", &paths[1]).unwrap_err();
    assert!(matches!(refused, LoadError::OverQuota { .. }), "{refused}");
    drop(held);
    assert!(is_whole(&registry.load("b", &paths[1]).unwrap(), 0));
}

#[test]
fn models_that_are_loaded_while_others_go_for_them_are_whole_or_refused() {
    let folder = Folder::new("evicting");
    let names = ["a", "b", "c", "d", "e"];
    let paths = names.map(|name| folder.safetensors(name, &[("weights", ELEMENTS)]));
    let registry = Registry::builder().max_bytes(2 * MODEL_BYTES).build();
    let end = std::time::Instant::now() + Duration::from_secs(3);
    let counts = std::thread::scope(|scope| {
        let loading: Vec<_> = (0..5)
            .map(|thread| {
                let (registry, paths) = (&registry, &paths);
                scope.spawn(move || {
                    let (mut whole, mut refused) = (0, 0);
                    for round in 0.. {
                        if std::time::Instant::now() >= end {
                            break;
                        }
                        let number = (thread + round * 3) % 5;
                        match registry.load(names[number], &paths[number]) {
                            Ok(weights) => {
                                assert!(is_whole(&weights, 0));
                                whole += 1;
                            }
                            Err(LoadError::Capacity(error)) => {
                                assert!(
                                    error.needed_bytes > error.free_bytes || error.cause.is_some()
                                );
                                refused += 1;
                            }
                            Err(error) => panic!("{error}"),
                        }
                    }
                    (whole, refused)
                })
            })
            .collect();
        let counts = loading.into_iter().map(|thread| thread.join().unwrap());
        counts.collect::<Vec<_>>()
    });
    assert!(counts.iter().all(|(whole, _)| *whole > 0), "{counts:?}");
    let statistics = registry.statistics();
    assert!(statistics.evictions > 0, "{statistics:?}");
}
