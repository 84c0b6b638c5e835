//! Full speed, and a consumer that is slow.

use crate::dataflow::{self, rust};

const FRAMES: u64 = 2000;

#[test]
fn a_slow_consumer_holds_the_camera_back_and_nothing_is_lost_or_reordered() {
    let run = dataflow::run(&[
        rust("camera", "camera::camera")
            .output("image")
            .with("FRAMES", FRAMES)
            .with("BYTES", 256 << 10),
        rust("one", "sink::sink").input("image", "camera/image"),
        rust("two", "sink::sink").input("image", "camera/image"),
        rust("slow", "sink::sink")
            .input("image", "camera/image")
            .with("PAUSE", 3),
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
        rust("camera", "camera::camera")
            .output("image")
            .with("FRAMES", 14)
            .with("BYTES", 64 << 10)
            .with("INTERVAL_US", 1000)
            .with("ZENOH_PINNED_SLOTS", 3),
        rust("slow", "sink::sink")
            .input("image", "camera/image")
            .with("PAUSE", 1700),
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
