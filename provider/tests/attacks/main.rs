//! Every program in `attacks/` against real processes: what it is answered, and that nobody is harmed more than
//! the kernel allows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod before_attaching;
mod forged_lines;
#[path = "../harness/mod.rs"]
mod harness;
mod inbox_words;
mod registering;
mod scribbled_lines;
mod victims;
mod while_frames_flow;

#[test]
fn every_attack_has_a_test_here_and_a_row_in_the_table() {
    let folder = harness::source("tests/attacks");
    let table = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let tests = concat!(
        include_str!("before_attaching.rs"),
        include_str!("registering.rs"),
        include_str!("scribbled_lines.rs"),
        include_str!("while_frames_flow.rs"),
    );
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".py") else {
            continue;
        };
        assert!(table.contains(&format!("`{file}`")), "{file} has no row");
        let is_run = tests.contains(&format!("\"{name}\""));
        assert!(is_run || name == "zenoh_metadata", "{file} has no test");
    }
}
