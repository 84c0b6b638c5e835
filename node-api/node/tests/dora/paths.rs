//! Outputs that have to stay on dora's own path, and why.

use crate::dataflow::{self, camera, rust, sink};

#[test]
fn an_output_that_dora_keeps_on_the_daemon_stays_there() {
    let run = dataflow::run(&[
        camera(20).with("BYTES", 64 << 10).with("INTERVAL_US", 5000),
        rust("sink", "sink::sink").input_with(
            "image",
            "camera/image",
            "queue_policy: backpressure",
        ),
    ]);
    let sink = run.journal("sink");
    assert_eq!(sink.frames(), (0..20).collect::<Vec<_>>());
    assert_eq!(sink.count("equal"), 20);
    assert_eq!(sink.count("shared"), 0);
    let camera = run.journal("camera");
    let path = camera.last("path")["path"].as_str().unwrap();
    assert!(path.contains("DaemonOnly"), "{path}");
}

#[test]
fn a_dynamic_camera_takes_doras_own_path_with_the_reason() {
    let mut run = dataflow::start(&[dataflow::dynamic("camera").output("image"), sink("sink")]);
    // No faster: dora's own outputs drop what zenoh cannot write at once.
    let camera = run.join(
        "camera",
        "camera::camera",
        &[
            ("FRAMES", "20"),
            ("BYTES", "65536"),
            ("INTERVAL_US", "20000"),
        ],
    );
    assert!(camera.wait(), "{}", run.log());
    run.finish();
    let sink = run.journal("sink");
    assert_eq!(sink.frames(), (0..20).collect::<Vec<_>>());
    assert_eq!(sink.count("equal"), 20);
    let camera = run.journal("camera");
    let path = camera.last("path")["path"].as_str().unwrap();
    assert!(path.contains("NotStartedByDaemon"), "{path}");
}

#[test]
fn an_output_without_consumers_is_pinned_and_costs_nothing() {
    let run = dataflow::run(&[camera(50).with("BYTES", 64 << 10)]);
    let camera = run.journal("camera");
    assert_eq!(camera.last("path")["path"], "Pinned");
    assert_eq!(camera.last("path")["sent_pinned"], 50);
}
