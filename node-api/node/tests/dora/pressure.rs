//! Full speed, and a consumer that is slow.

use crate::dataflow::{self, camera, python_sink, rust, sink};

const FRAMES: u64 = 2000;

#[test]
fn a_slow_consumer_holds_the_camera_back_and_nothing_is_lost_or_reordered() {
    let run = dataflow::run(&[
        camera(FRAMES).with("BYTES", 256 << 10),
        sink("one"),
        sink("two"),
        sink("slow").with("PAUSE", 3),
    ]);
    for sink in ["one", "two", "slow"] {
        run.journal(sink).assert_all_shared(FRAMES);
    }
    let camera = run.journal("camera");
    let waits = camera.last("waits")["waits"].as_u64().unwrap();
    assert!(
        waits > FRAMES / 4,
        "the slow consumer made the camera wait: {waits}"
    );
    assert_eq!(camera.last("path")["timeouts"], 0);
}

#[test]
fn a_consumer_that_stops_reading_makes_sends_fail_and_be_counted_and_then_goes_on() {
    // It reads nothing for two seconds after the first frame: some sends wait for a whole second.
    let run = dataflow::run(&[
        camera(14)
            .with("BYTES", 64 << 10)
            .with("INTERVAL_US", 1000)
            .with("ZENOH_PINNED_SLOTS", 3),
        sink("slow").with("PAUSE", 1700),
    ]);
    let camera = run.journal("camera");
    let failed: Vec<u64> = camera
        .with("full")
        .iter()
        .filter_map(|entry| entry["full"].as_u64())
        .collect();
    assert!(!failed.is_empty(), "{camera:?}");
    assert_eq!(camera.last("path")["timeouts"], failed.len() as u64);
    let error = camera.last("full")["error"].as_str().unwrap();
    assert!(
        error.contains("raise slots()") || error.contains("ZENOH_PINNED_SLOTS"),
        "{error}"
    );
    let expected: Vec<u64> = (0..14).filter(|frame| !failed.contains(frame)).collect();
    assert_eq!(
        run.journal("slow").frames(),
        expected,
        "all others, in order"
    );
}

#[test]
fn an_output_whose_consumer_is_slow_leaves_the_other_outputs_their_slots() {
    let run = dataflow::run(&[
        rust("camera", "camera::camera")
            .output("image")
            .output("inertial")
            .with("OUTPUT", "image")
            .with("AND_OUTPUTS", "inertial")
            .with("FRAMES", 200)
            .with("BYTES", 64 << 10)
            .with("INTERVAL_US", 5000)
            .with("WAIT", 0),
        sink("slow").with("PAUSE", 700),
        rust("fast", "sink::sink").input_with("inertial", "camera/inertial", "queue_size: 100"),
    ]);
    run.journal("fast").assert_all_shared(200);
    let outputs = run.journal("camera");
    let outputs = outputs.with("output");
    let dropped = |name: &str| {
        let output = outputs.iter().find(|output| output["output"] == name);
        output.unwrap()["dropped"].as_u64().unwrap()
    };
    assert_eq!(dropped("inertial"), 0);
    assert!(dropped("image") > 0, "{outputs:?}");
    assert_eq!(run.log().matches("messages are dropped").count(), 1);
}

#[test]
fn what_a_sleeping_consumer_does_not_read_is_dropped_and_counted_as_dora_does() {
    for how in ["copy", "in place"] {
        let run = dataflow::run(&[
            camera(150)
                .with("BYTES", 64 << 10)
                .with("INTERVAL_US", 10_000)
                .with("HOW", how)
                .with("WAIT", 0)
                .with("ZENOH_PINNED_SLOTS", 8),
            rust("sleeping", "sink::sink")
                .input_with("image", "camera/image", "queue_size: 1")
                .with("PAUSE", 700),
        ]);
        let camera = run.journal("camera");
        let path = camera.last("path");
        let (sent, dropped) = (&path["sent_pinned"], &path["dropped"]);
        let dropped = dropped.as_u64().unwrap();
        assert!(dropped > 50, "{path}");
        assert_eq!(sent.as_u64().unwrap() + dropped, 150);
        assert_eq!(path["timeouts"], 0);
        let sleeping = run.journal("sleeping");
        let frames = sleeping.frames();
        assert!(frames.is_sorted() && frames.len() >= 2, "{frames:?}");
        assert_eq!(sleeping.count("equal"), frames.len());
    }
}

#[test]
fn messages_that_grow_are_sent_as_long_as_the_bound_holds_two_of_them() {
    // A consumer in Python keeps each message until it has the next one.
    for sizes in ["128,136,264", "64,72,136,264", "248,1008"] {
        let frames = 3 * sizes.split(',').count() as u64;
        let sizes: Vec<_> = sizes.split(',').flat_map(|size| [size; 3]).collect();
        let run = dataflow::run(&[
            camera(frames)
                .with("KIBIBYTES", sizes.join(","))
                .with("INTERVAL_US", 30_000)
                .with("ZENOH_PINNED_MAX_BYTES", "2080KiB"),
            sink("sink"),
            python_sink("keeping"),
        ]);
        for sink in ["sink", "keeping"] {
            run.journal(sink).assert_all_shared(frames);
        }
    }
}
