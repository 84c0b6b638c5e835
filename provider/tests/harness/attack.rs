//! The programs in `tests/attacks/`, run as processes of their own.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// A command that runs the attack `name`.
fn command(name: &str, arguments: &[&str]) -> Command {
    let python = std::env::var("ZENOH_PINNED_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = super::source(&format!("tests/attacks/{name}.py"));
    let mut command = Command::new(python);
    command.arg(script).args(arguments);
    // No compiled copy of the one module beside the programs.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs an attack to its end.
pub fn run(name: &str, arguments: &[&str]) {
    let status = command(name, arguments).status().unwrap();
    assert!(status.success(), "the attack {name} failed: {status}");
}

/// An attack that goes on until this is dropped.
pub struct Going(Child);

/// Starts an attack and waits until it is under way.
pub fn start(name: &str, arguments: &[&str]) -> Going {
    let mut command = command(name, arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line.trim(), "ready", "the attack {name} failed");
    Going(child)
}

impl Drop for Going {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// A segment's file, with what the attacks leave beside it; removed when this is dropped.
pub struct Segment {
    pub path: PathBuf,
}

impl Segment {
    /// The segment of the pool `name`, which has one.
    pub fn of_pool(name: &str) -> Self {
        let segments = super::shm::segments_of_pool(name);
        assert_eq!(segments.len(), 1, "{segments:?}");
        let path = PathBuf::from("/dev/shm").join(&segments[0]);
        Self { path }
    }

    pub fn as_str(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// zenoh's id of it.
    pub fn id(&self) -> &str {
        self.path.file_stem().unwrap().to_str().unwrap()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        for ending in ["", ".noise", ".copy", ".moved"] {
            let path = format!("{}{ending}", self.as_str());
            let _ = std::fs::remove_file(&path);
            let _ = std::fs::remove_dir(&path);
        }
    }
}
