//! dora's control plane knows of pinned messages: deadlines, and the end of an input.

use crate::dataflow::{self, camera, python_sink, rust, sink};

#[test]
fn an_input_timeout_fires_when_the_camera_pauses_and_not_before() {
    let run = dataflow::run(&[
        camera(100)
            .with("BYTES", 64 << 10)
            .with("INTERVAL_US", 50_000)
            .with("PAUSE_LAST", 4000),
        rust("sink", "sink::sink").input_with("image", "camera/image", "input_timeout: 1.5"),
    ]);
    let sink = run.journal("sink");
    // Five seconds of frames, longer than the timeout: all have come before the input is called closed.
    sink.assert_all_shared(100);
    let closed = sink.position("closed").expect("the timeout fired");
    let frames_before = (0..closed).count();
    assert!(frames_before >= 100, "{sink:?}");
    assert!(sink.position("recovered").is_none(), "{sink:?}");
}

#[test]
fn an_input_that_timed_out_recovers_with_the_next_pinned_message() {
    let run = dataflow::run(&[
        camera(4)
            .with("BYTES", 64 << 10)
            .with("INTERVAL_US", 2_500_000),
        rust("sink", "sink::sink").input_with("image", "camera/image", "input_timeout: 1.0"),
        // Keeps the sink going while its input is closed.
        rust("other", "camera::camera")
            .output("image")
            .with("FRAMES", 110)
            .with("BYTES", 64)
            .with("INTERVAL_US", 100_000),
        rust("both", "sink::sink")
            .input_with("image", "camera/image", "input_timeout: 1.0")
            .input("other", "other/image"),
    ]);
    let both = run.journal("both");
    let closed = both.position("closed").expect("it timed out");
    let recovered = both.position("recovered").expect("it recovered");
    assert!(closed < recovered);
    let images = both.with("frame");
    let images = images.iter().filter(|entry| entry["input"] == "image");
    let images: Vec<_> = images.map(|entry| &entry["frame"]).collect();
    assert_eq!(images, [0, 1, 2, 3]);
}

#[test]
fn the_end_of_an_input_never_overtakes_its_last_message() {
    for round in 0..5 {
        let run = dataflow::run(&[
            camera(8),
            sink("sink").with("CHRONOLOGICAL", true).with("PAUSE", 20),
        ]);
        let sink = run.journal("sink");
        sink.assert_all_shared(8);
        let closed = sink.position("closed");
        assert!(
            closed.is_none_or(|closed| closed > 8),
            "round {round}: {sink:?}"
        );
    }
}

#[test]
fn a_slow_consumer_reads_the_last_messages_before_it_is_told_of_the_end() {
    // dora hands out "closed" and "stop" before anything that is still in a queue.
    for lets_go_early in [false, true] {
        let run = dataflow::run(&[
            camera(6).with("BYTES", 64 << 10),
            sink("sink")
                .with("ENDS_AT_STOP", true)
                .with("LETS_GO_EARLY", lets_go_early)
                .with("PAUSE", 50),
            python_sink("keeping")
                .with("ENDS_AT_STOP", 1)
                .with("PAUSE", 30),
        ]);
        for sink in ["sink", "keeping"] {
            let sink = run.journal(sink);
            sink.assert_all_shared(6);
            let closed = sink.position("closed");
            assert!(closed.is_none_or(|closed| closed > 6), "{sink:?}");
        }
        assert!(!run.log().contains("last messages"), "{}", run.log());
    }
}

#[test]
fn the_end_does_not_wait_for_consumers_that_have_ended_and_says_nothing_about_them() {
    let run = dataflow::run(&[
        camera(6).with("BYTES", 64 << 10).with("PAUSE_LAST", 200),
        sink("gone").with("LEAVE_AFTER", 5),
        // Its process is still there when the camera ends.
        sink("ending")
            .with("LEAVE_AFTER", 5)
            .with("PAUSE_AFTER", 600),
        sink("reading"),
    ]);
    for sink in ["gone", "ending", "reading"] {
        run.journal(sink).assert_all_shared(6);
    }
    assert!(!run.log().contains("last messages"), "{}", run.log());
}
