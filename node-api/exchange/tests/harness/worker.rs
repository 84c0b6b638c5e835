//! Other processes of a test: the test binary itself, told to run one of its ignored tests.
//!
//! A worker reads its orders from the environment, writes lines to its standard output for the test to wait for, and
//! ends when its standard input closes.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

/// A running worker; killed if the test forgets it.
pub struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// How to start one.
pub struct Orders(Command);

/// Orders for the ignored test `name` of this binary.
pub fn orders(name: &str) -> Orders {
    orders_by(Command::new(std::env::current_exe().unwrap()), name)
}

/// As [`orders`], run by another command, for instance `unshare --mount ...`.
pub fn orders_by(mut command: Command, name: &str) -> Orders {
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    Orders(command)
}

impl Orders {
    pub fn with(mut self, key: &str, value: impl AsRef<str>) -> Self {
        self.0.env(key, value.as_ref());
        self
    }

    pub fn start(mut self) -> Worker {
        let mut child = self
            .0
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Worker {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }
}

impl Worker {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that has `prefix`, and gives the rest of it.
    pub fn line(&mut self, prefix: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the worker ended without saying {prefix:?}");
            // The test harness prints "test name ... " without a line end before the worker's first.
            if let Some(at) = line.find(prefix) {
                return line[at + prefix.len()..].trim().to_owned();
            }
        }
    }

    /// Tells the worker to end, and waits for it.
    pub fn end(mut self) {
        drop(self.input.take());
        let mut rest = String::new();
        let _ = self.output.read_to_string(&mut rest);
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the worker failed: {status}\n{rest}");
    }

    /// Kills the worker, and waits until it is gone.
    pub fn kill(&mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a worker: an order from the environment.
pub fn order(key: &str) -> String {
    std::env::var(key)
        .unwrap_or_else(|_| panic!("{key} is not set: this is a worker of another test"))
}

/// In a worker: waits until the test closes its end.
pub fn wait_for_end() {
    let mut rest = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut rest);
}
