//! Processes in C, C++ and Python, the last with unmodified zenoh, that send each other frames.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    compiler::{Language, any, program, source},
    process::{Process, configurations, python},
};

const KEY: &str = "camera/front";
const FULL_HD: usize = 1920 * 1080 * 4;
const FRAMES: u32 = 300;

/// Checks as many bytes as frames have, at their rate: without the sanitizers, and optimized.
const QUICK: [&str; 1] = ["-O3"];

fn camera() -> PathBuf {
    program(any(Language::C), Language::C, "tests/c/camera.c", &QUICK)
}

fn consumer() -> PathBuf {
    program(
        any(Language::Cpp),
        Language::Cpp,
        "tests/c/consumer.cpp",
        &QUICK,
    )
}

fn start(mut command: Command, arguments: &[&str]) -> Process {
    Process::start(command.args(arguments))
}

#[test]
fn a_camera_in_c_a_consumer_in_cpp_and_a_subscriber_in_python_lose_nothing() {
    let (camera, consumer) = (camera(), consumer());
    let [waits, goes] = configurations();
    let (bytes, frames) = (FULL_HD.to_string(), FRAMES.to_string());
    let mut sending = start(Command::new(&camera), &[&waits, KEY, &bytes, "16"]);
    sending.line("declared");
    let mut in_cpp = start(Command::new(&consumer), &[&goes, KEY, &bytes, &frames]);
    let script = source("tests/c/subscriber.py");
    let mut in_python = start(python(&script), &[&goes, KEY, &bytes, &frames]);
    in_cpp.line("ready");
    in_python.line("ready");
    sending.tell("tell");
    assert!(sending.line("told").contains("by a line"));
    sending.tell(&format!("go {FRAMES}"));
    assert_eq!(sending.line("sent"), frames);
    let whole = format!("{FRAMES} lost 0 wrong 0 copied 0");
    let said = in_cpp.line("checked");
    println!("C++: {said}");
    assert!(
        said.starts_with(&format!("{whole} overrun 0 line [{KEY}")),
        "{said}"
    );
    let said = in_python.line("checked");
    println!("Python: {said}");
    assert_eq!(said, whole);
    in_cpp.end();
    in_python.end();
    sending.tell("tell");
    let told = sending.line("told");
    assert!(
        told.starts_with("in_use 0 reclaimed 0 timeouts 0"),
        "{told}"
    );
    sending.end();
    fs::remove_file(camera).unwrap();
    fs::remove_file(consumer).unwrap();
}

#[test]
fn a_consumer_that_is_killed_while_it_holds_frames_costs_nothing() {
    let (camera, consumer) = (camera(), consumer());
    let [waits, goes] = configurations();
    let bytes = "100000";
    let mut sending = start(Command::new(&camera), &[&waits, KEY, bytes, "16"]);
    sending.line("declared");
    let mut held = start(Command::new(&consumer), &[&goes, KEY, bytes, "0"]);
    held.line("holding");
    let mut stays = start(Command::new(&consumer), &[&goes, KEY, bytes, "60"]);
    stays.line("ready");
    held.kill();
    sending.tell("go 60");
    let said = stays.line("checked");
    assert!(
        said.starts_with("60 lost 0 wrong 0 copied 0 overrun 0"),
        "{said}"
    );
    // Which has drained the pool: every slot is back.
    sending.line("sent");
    sending.tell("tell");
    let told = sending.line("told");
    println!("{told}");
    assert!(
        told.starts_with("in_use 0 reclaimed ") && !told.contains("reclaimed 0"),
        "{told}"
    );
    assert!(told.contains("timeouts 0"), "{told}");
    stays.end();
    sending.end();
    fs::remove_file(camera).unwrap();
    fs::remove_file(consumer).unwrap();
}

#[test]
fn a_consumer_in_cpp_has_the_frames_of_an_unmodified_publisher_in_python() {
    let consumer = consumer();
    let [waits, goes] = configurations();
    let bytes = "1000000";
    let script = source("tests/c/publisher.py");
    let mut sending = start(python(&script), &[&waits, KEY, bytes, "30"]);
    sending.line("declared");
    let mut receiving = start(Command::new(&consumer), &[&goes, KEY, bytes, "30"]);
    receiving.line("ready");
    sending.tell("go");
    let said = receiving.line("checked");
    println!("{said}");
    assert!(said.starts_with("30 lost 0 wrong 0 "), "{said}");
    sending.line("sent");
    receiving.end();
    sending.end();
    fs::remove_file(consumer).unwrap();
}
