//! Nodes that crash and are restarted.

use crate::dataflow::{self, camera, rust, sink};

#[test]
fn a_consumer_that_crashes_and_restarts_receives_again_and_the_other_loses_nothing() {
    let run = dataflow::run(&[
        camera(200)
            .with("BYTES", 64 << 10)
            .with("INTERVAL_US", 20_000)
            .with("ZENOH_PINNED_SLOTS", 16),
        sink("steady"),
        sink("crashing")
            .line("restart_policy: on-failure")
            .with("CRASH_AFTER", 50),
    ]);
    run.journal("steady").assert_all_shared(200);
    let crashing = run.journal("crashing");
    assert_eq!(crashing.with("started").len(), 2, "it was restarted");
    let frames = crashing.frames();
    assert!(frames.contains(&50) && frames.contains(&199), "{frames:?}");
    assert!(frames.is_sorted(), "{frames:?}");
    assert_eq!(crashing.count("equal"), frames.len());
    assert_eq!(crashing.count("shared"), frames.len());
}

#[test]
fn a_camera_that_crashes_and_restarts_is_received_again_in_place() {
    let run = dataflow::run(&[
        rust("camera", "camera::camera")
            .output("image")
            .line("restart_policy: on-failure")
            // dora does not restart a node that has no input left.
            .input("tick", "dora/timer/millis/1000")
            .with("FRAMES", 100)
            .with("BYTES", 64 << 10)
            .with("INTERVAL_US", 10_000)
            .with("CRASH_AFTER", 60),
        sink("sink"),
    ]);
    let camera = run.journal("camera");
    assert_eq!(camera.with("started").len(), 2, "it was restarted");
    let sink = run.journal("sink");
    let frames = sink.frames();
    assert_eq!(sink.count("equal"), frames.len());
    assert_eq!(sink.count("shared"), frames.len());
    // The second life is whole; the first one is, up to what was on its way when it ended.
    let second = frames.iter().rposition(|frame| *frame == 0).unwrap();
    assert_eq!(frames[second..], (0..100).collect::<Vec<_>>(), "{frames:?}");
    let first = &frames[..second];
    assert_eq!(
        first,
        (0..first.len() as u64).collect::<Vec<_>>(),
        "{frames:?}"
    );
    assert!(first.len() >= 55, "{frames:?}");
}

#[test]
fn a_consumer_that_joins_late_receives_from_then_on() {
    // A dynamic node is started by hand, after the dataflow.
    let mut run = dataflow::start(&[
        camera(400)
            .with("BYTES", 64 << 10)
            .with("INTERVAL_US", 10_000),
        sink("early"),
        dataflow::dynamic("late").input("image", "camera/image"),
    ]);
    run.wait_for("frames at the early sink", "early", |early| {
        early.frames().len() > 20
    });
    let late = run.join("late", "sink::sink", &[]);
    run.finish();
    assert!(late.wait(), "{}", run.log());
    run.journal("early").assert_all_shared(400);
    let late = run.journal("late");
    let frames = late.frames();
    let first = *frames.first().expect("it received something");
    // While zenoh's links to a new peer settle, a message may miss it; from then on none does.
    let settled: Vec<_> = frames
        .iter()
        .copied()
        .filter(|frame| *frame > first + 20)
        .collect();
    assert_eq!(settled, (first + 21..400).collect::<Vec<_>>());
    assert!(frames.is_sorted());
    assert_eq!(late.count("shared"), frames.len());
    assert_eq!(late.count("equal"), frames.len());
}
