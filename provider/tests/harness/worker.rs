//! Other processes of a test: the test binary itself, told to run one of its ignored tests.
//!
//! A worker reads its orders from the environment, writes lines to its standard output for the test to
//! wait for, and ends when its standard input closes.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

/// A running worker; killed if the test forgets it.
pub struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    report: PathBuf,
}

/// How to start one.
pub struct Orders {
    command: Command,
    report: PathBuf,
}

/// Orders for the ignored test `name` of this binary.
pub fn orders(name: &str) -> Orders {
    orders_by(Command::new(std::env::current_exe().unwrap()), name)
}

/// As [`orders`], run by another command, for instance `unshare --mount ...`.
pub fn orders_by(mut command: Command, name: &str) -> Orders {
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    let report = super::driver::temporary_file("worker.json");
    Orders { command, report }
}

impl Orders {
    pub fn with(mut self, key: &str, value: impl AsRef<str>) -> Self {
        self.command.env(key, value.as_ref());
        self
    }

    /// With the CUDA driver, or its double with these settings.
    pub fn with_driver(mut self, settings: &str) -> Self {
        super::driver::give(&mut self.command, settings, Some(&self.report));
        self
    }

    /// Changes the command itself, for limits set between fork and exec.
    pub fn change(mut self, change: impl FnOnce(&mut Command)) -> Self {
        change(&mut self.command);
        self
    }

    pub fn start(mut self) -> Worker {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        Worker {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            report: self.report,
        }
    }
}

impl Worker {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that begins with `prefix`, and gives the rest of it.
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

    /// Gives the worker a line to read.
    pub fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).unwrap();
        input.write_all(b"\n").unwrap();
    }

    /// Waits for the worker to end by itself; gives how it did.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Tells the worker to end and waits for it; gives the double's report.
    pub fn end(&mut self) -> super::driver::Report {
        self.end_without_report();
        super::driver::read_report(&self.report)
    }

    /// Sends the worker a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: the child of this test, which has not been waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// Waits for a worker that ends by itself, in whatever way.
    pub fn status(&mut self) -> std::process::ExitStatus {
        let mut status = None;
        super::eventually("the worker does not end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// The double's report of a worker that has ended.
    pub fn report(&self) -> super::driver::Report {
        super::driver::read_report(&self.report)
    }

    /// As [`Worker::end`], for a worker without the double.
    pub fn end_without_report(&mut self) {
        drop(self.input.take());
        let mut rest = String::new();
        let _ = self.output.read_to_string(&mut rest);
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the worker failed: {status}\n{rest}");
    }

    /// Whether the worker has initialised the driver double.
    pub fn has_report(&self) -> bool {
        self.report.exists()
    }

    /// Closes the worker's input, which tells it to end.
    pub fn close_input(&mut self) {
        drop(self.input.take());
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// In a worker: an order from the environment.
pub fn order(key: &str) -> String {
    std::env::var(key)
        .unwrap_or_else(|_| panic!("{key} is not set: this is a worker of another test"))
}

/// In a worker: the lines that the test tells it, until the test closes its end.
pub fn told() -> impl Iterator<Item = String> {
    std::io::stdin().lines().map_while(Result::ok)
}

/// In a worker: waits until the test says `word`.
pub fn wait_for_word(word: &str) {
    let mut line = String::new();
    // Unbuffered in effect: the test says nothing further before it is answered.
    std::io::stdin().read_line(&mut line).unwrap();
    assert_eq!(line.trim(), word);
}

/// In a worker: waits until the test closes its end.
pub fn wait_for_end() {
    let mut rest = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut rest);
}
