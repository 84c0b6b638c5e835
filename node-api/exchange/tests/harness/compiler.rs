//! C and C++ programs of a test, compiled against the header and the static library.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

pub const SANITIZED: [&str; 2] = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
];
/// What `rustc --print native-static-libs` names, as far as it is not linked anyway.
const SYSTEM: [&str; 4] = ["-lpthread", "-ldl", "-lm", "-lgcc_s"];

/// A file of this crate's sources.
pub fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A library of this crate: cargo leaves it beside the tests that it builds.
pub fn library(file: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let library = tests.with_file_name(file);
    assert!(
        library.exists(),
        "{library:?}: cargo build -p zenoh-pinned-exchange"
    );
    library
}

/// The compiler, where there is one of this name.
pub fn compiler(name: &str) -> Option<Command> {
    let mut command = Command::new(name);
    let is_there = command.arg("--version").output().is_ok();
    let mut command = Command::new(name);
    command.args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-g", "-O1"]);
    command.arg("-I").arg(source("include"));
    is_there.then_some(command)
}

/// Compiles and links a program; `None` where there is no such compiler.
pub fn program(by: &str, standard: &str, file: &str, flags: &[&str]) -> Option<PathBuf> {
    let path = source(file);
    let name = path.file_name().unwrap().to_str().unwrap();
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "{name}-{by}-{}-{}",
        flags.len(),
        std::process::id()
    ));
    let mut command = compiler(by)?;
    command
        .arg(format!("-std={standard}"))
        .args(flags)
        .arg(path);
    command
        .arg(library("libzenoh_pinned_exchange.a"))
        .args(SYSTEM);
    expect_success(command.arg("-o").arg(&program));
    Some(program)
}

/// Runs a command, and gives what it printed.
pub fn expect_success(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{text}",
        output.status
    );
    output
}
