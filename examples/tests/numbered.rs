//! Each numbered example runs and shows what its page says, the one for a device also with the driver double.
//! (`05-python` and `08-workers` are tried by the tests of the Python package.)
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy exempts only the test functions themselves"
)]

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const PUBLISH: &str = env!("CARGO_BIN_EXE_publish");
const SUBSCRIBE: &str = env!("CARGO_BIN_EXE_subscribe-to-device");

fn endpoint() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("tcp/{}", port.local_addr().unwrap())
}

fn text_of(output: &Output) -> String {
    let [said, errors] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{said}{errors}");
    said.into_owned()
}

/// Publishes to a subscriber that is given this driver; what both said.
fn published(driver: Option<&Path>) -> (String, String) {
    let endpoint = endpoint();
    let mut publishing = Command::new(PUBLISH);
    let publishing = publishing.arg(&endpoint).stdout(Stdio::piped());
    let publishing = publishing.stderr(Stdio::piped()).spawn().unwrap();
    let mut subscribing = Command::new(SUBSCRIBE);
    subscribing.arg(&endpoint);
    if let Some(driver) = driver {
        subscribing.env("LD_LIBRARY_PATH", driver);
    }
    let subscribed = subscribing.output().unwrap();
    let published = publishing.wait_with_output().unwrap();
    (text_of(&published), text_of(&subscribed))
}

#[test]
fn frames_are_published_in_place_and_received_on_the_host_with_the_reason() {
    let (published, subscribed) = published(None);
    assert!(published.contains("100 frames of 8294400 bytes, written in place"));
    assert!(subscribed.contains("no device: "), "{subscribed}");
    assert!(
        subscribed.contains(r#"frames by path: {"host": 100}"#),
        "{subscribed}"
    );
}

#[test]
fn frames_reach_a_device_from_where_they_were_written() {
    let programs = Path::new(PUBLISH).parent().unwrap();
    let double = programs.join("libcuda_driver_double.so");
    assert!(
        double.exists(),
        "run `cargo build -p cuda-driver-double` first, as `make test` does"
    );
    let folder = tempfile::tempdir().unwrap();
    for name in ["libcuda.so", "libcuda.so.1"] {
        symlink(&double, folder.path().join(name)).unwrap();
    }
    let (_, subscribed) = published(Some(folder.path()));
    assert!(
        subscribed.contains("frame 80: 8294400 bytes, path direct"),
        "{subscribed}"
    );
    assert!(!subscribed.contains("no device"));
}

#[test]
fn zenohs_own_provider_takes_slots_of_ours() {
    let said = text_of(
        &Command::new(env!("CARGO_BIN_EXE_own-provider"))
            .output()
            .unwrap(),
    );
    assert_eq!(said.matches("aligned to a page: true").count(), 4, "{said}");
    assert!(
        said.contains("the others are as they were: [0, 1, 2]"),
        "{said}"
    );
}

#[test]
fn workers_answer_every_frame() {
    let workers = env!("CARGO_BIN_EXE_workers");
    let said = text_of(&Command::new(workers).arg("200").output().unwrap());
    assert!(
        said.contains("frame 200: brightness 200; 0 workers restarted"),
        "{said}"
    );
    let ready = said.lines().filter(|line| line.starts_with("worker "));
    assert!(ready.count() >= 2, "{said}");
}

#[test]
fn a_dora_output_is_pinned_and_whole() {
    let python = std::env::var("ZENOH_PINNED_PYTHON");
    let python = PathBuf::from(
        python.expect("ZENOH_PINNED_PYTHON names a Python with dora-rs: `make test`"),
    );
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("04-dora-output/dataflow.yml");
    let dataflow = fs::read_to_string(here).unwrap();
    let program = "../../target/debug/dora-output";
    assert_eq!(dataflow.matches(program).count(), 2);
    let dataflow = dataflow.replace(program, env!("CARGO_BIN_EXE_dora-output"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("dataflow.yml"), dataflow).unwrap();
    let ran = Command::new(python.with_file_name("dora"))
        .args(["run", "dataflow.yml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = text_of(&ran) + &String::from_utf8_lossy(&ran.stderr);
    assert!(
        said.contains("camera: 30 messages on image, path Pinned"),
        "{said}"
    );
    assert!(
        said.contains("perception: 921600 bytes, first 29"),
        "{said}"
    );
}
