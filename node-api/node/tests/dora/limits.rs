//! Nodes that may not lock memory.

use crate::dataflow::{self, Node, rust, sink};

/// Eight mebibytes, the usual limit, and no capability to exceed it.
const LIMITED: [&str; 6] = [
    "/usr/bin/setpriv",
    "--bounding-set=-ipc_lock",
    "--inh-caps=-ipc_lock",
    "/usr/bin/prlimit",
    "--memlock=8388608:8388608",
    "--",
];

fn camera(id: &str) -> Node {
    rust(id, "camera::camera")
        .output("image")
        .with("FRAMES", 30)
        .with("INTERVAL_US", 10_000)
}

#[test]
fn under_a_small_limit_our_consumer_gets_shared_memory_and_an_unmodified_one_doras_path() {
    let run = dataflow::run(&[
        camera("camera").by(&LIMITED),
        rust("ours", "device::device")
            .input("image", "camera/image")
            .by(&LIMITED),
        camera("other-camera"),
        rust("unmodified", "sink::sink")
            .input_with("image", "other-camera/image", "queue_size: 100")
            .by(&LIMITED),
    ]);
    run.journal("ours").assert_all_shared(30);
    assert_eq!(run.journal("camera").last("path")["path"], "Pinned");

    let unmodified = run.journal("unmodified");
    assert_eq!(unmodified.frames(), (0..30).collect::<Vec<_>>());
    assert_eq!(unmodified.count("equal"), 30);
    let path = run.journal("other-camera");
    let path = path.last("path")["path"].as_str().unwrap();
    assert!(path.contains("CannotAttach"), "{path}");
    assert!(run.log().contains("RLIMIT_MEMLOCK"), "{}", run.log());
}

#[test]
fn a_consumer_that_cannot_attach_costs_the_pool_one_slot_however_many_outputs_it_has() {
    let run = dataflow::run(&[
        camera("camera")
            .output("left")
            .output("right")
            .with("OUTPUT", "left")
            .with("AND_OUTPUTS", "right,image")
            .with("ZENOH_PINNED_SLOTS", 2),
        rust("unmodified", "sink::sink")
            .input_with("a", "camera/left", "queue_size: 100")
            .input_with("b", "camera/right", "queue_size: 100")
            .by(&LIMITED),
        sink("healthy"),
    ]);
    assert_eq!(run.journal("unmodified").count("equal"), 60);
    run.journal("healthy").assert_all_shared(30);
    let camera = run.journal("camera");
    let paths: Vec<_> = camera.with("path");
    let beside = paths.iter().map(|entry| entry["path"].as_str().unwrap());
    let beside = beside.filter(|path| path.contains("CannotAttach"));
    assert_eq!((paths.len(), beside.count()), (3, 2), "{paths:?}");
}
