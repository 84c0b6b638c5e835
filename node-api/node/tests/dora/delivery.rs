//! Unmodified consumers receive pinned outputs in place.

use crate::{
    dataflow::{self, camera, python_sink, rust, sink},
    frames,
};

#[test]
fn full_hd_at_30_hz_arrives_in_place_at_unmodified_sinks_in_rust_and_python() {
    let run = dataflow::run(&[
        camera(300).with("INTERVAL_US", 33_333),
        sink("sink"),
        python_sink("python-sink"),
    ]);
    for sink in ["sink", "python-sink"] {
        run.journal(sink).assert_all_shared(300);
    }
    let camera = run.journal("camera");
    assert_eq!(camera.last("path")["path"], "Pinned");
    assert_eq!(camera.last("path")["sent_pinned"], 300);
}

#[test]
fn an_array_that_exists_already_is_copied_into_a_slot_and_arrives_in_place() {
    let run = dataflow::run(&[
        camera(20).with("HOW", "copy").with("INTERVAL_US", 5000),
        sink("sink"),
    ]);
    run.journal("sink").assert_all_shared(20);
    let pool = run.journal("camera");
    // The pool has the size of the first frame: no bitmap, one page for the head, one for the end.
    let slot_bytes = (frames::FULL_HD + 2 * 4096) as u64;
    assert_eq!(pool.last("pool_bytes")["pool_bytes"], 8 * slot_bytes + 4096);
}

#[test]
fn the_environment_of_the_node_sizes_the_pool() {
    let run = dataflow::run(&[
        camera(10)
            .with("INTERVAL_US", 5000)
            .with("ZENOH_PINNED_SLOTS", 5)
            .with("ZENOH_PINNED_MAX_BYTES", "30MiB"),
        sink("sink"),
    ]);
    run.journal("sink").assert_all_shared(10);
    // Five were asked for, three fit the bound.
    assert_eq!(run.journal("camera").last("slots")["slots"], 3);
}

#[test]
fn messages_that_outgrow_the_pool_get_another_one_though_a_consumer_has_left() {
    let run = dataflow::run(&[
        camera(60)
            .with("INTERVAL_US", 20_000)
            .with("BYTES", 64 << 10)
            .with("GROW_AT", 40),
        sink("sink"),
        sink("leaving").with("LEAVE_AFTER", 20),
    ]);
    run.journal("sink").assert_all_shared(60);
    run.journal("leaving").assert_all_shared(21);
    let camera = run.journal("camera");
    // The first one has given its memory back.
    assert_eq!(camera.with("pool_bytes").len(), 1, "{camera:?}");
    assert_eq!(camera.last("path")["sent_pinned"], 60);
}

#[test]
fn every_output_of_a_node_is_settled_by_itself_and_has_slots_of_its_own() {
    let run = dataflow::run(&[
        rust("camera", "camera::camera")
            .output("left")
            .output("right/eye")
            .with("OUTPUT", "left")
            .with("AND_OUTPUTS", "right/eye")
            .with("FRAMES", 40)
            .with("BYTES", 64 << 10)
            .with("INTERVAL_US", 5000),
        rust("both", "sink::sink")
            .input("a", "camera/left")
            .input("b", "camera/right/eye")
            .input("c", "camera/right/eye"),
    ]);
    let both = run.journal("both");
    for input in ["a", "b", "c"] {
        let frames = both.with("frame");
        let frames = frames.iter().filter(|entry| entry["input"] == input);
        let frames: Vec<_> = frames.filter_map(|entry| entry["frame"].as_u64()).collect();
        assert_eq!(frames, (0..40).collect::<Vec<_>>(), "{input}");
    }
    assert_eq!((both.count("shared"), both.count("equal")), (120, 120));
    let camera = run.journal("camera");
    assert_eq!(camera.with("path").len(), 2);
    assert_eq!(camera.with("pool_bytes").len(), 2);
}

#[test]
fn an_output_that_was_prepared_has_its_pool_before_the_first_message_and_needs_no_other() {
    let run = dataflow::run(&[
        camera(12)
            .with("KIBIBYTES", "64,128,1024")
            .with("INTERVAL_US", 5000)
            .with("PREPARE", 1 << 20),
        sink("sink"),
    ]);
    run.journal("sink").assert_all_shared(12);
    let camera = run.journal("camera");
    let slot_bytes = (1 << 20) + 2 * 4096;
    assert_eq!(camera.with("pool_bytes").len(), 1);
    assert_eq!(
        camera.last("pool_bytes")["pool_bytes"],
        8 * slot_bytes + 4096
    );
}

#[test]
fn large_messages_of_an_output_get_their_pool_though_a_consumer_of_its_small_ones_has_left() {
    let run = dataflow::run(&[
        camera(60)
            .with("INTERVAL_US", 20_000)
            .with("BYTES", 32 << 10)
            .with("GROW_AT", 40),
        sink("sink"),
        sink("leaving").with("LEAVE_AFTER", 5),
    ]);
    assert_eq!(run.journal("sink").frames(), (0..60).collect::<Vec<_>>());
    assert_eq!(run.journal("sink").count("equal"), 60);
    let camera = run.journal("camera");
    let path = camera.last("path");
    assert_eq!(
        (&path["sent_as_bytes"], &path["sent_pinned"]),
        (&40.into(), &20.into()),
        "{path}"
    );
    assert!(!run.log().contains("last messages"), "{}", run.log());
}
