//! Other processes: this test binary, told to run one of its ignored tests, or a Python program.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

/// A watchdog against deadlocks, not a bound on speed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running worker; killed if it is forgotten.
pub struct Worker {
    pub what: String,
    child: Child,
    input: Option<ChildStdin>,
    said: Receiver<String>,
}

impl Worker {
    /// The ignored test `name` with these orders.
    pub fn start(what: &str, name: &str, orders: &[(&str, String)]) -> Self {
        let command = Command::new(std::env::current_exe().unwrap());
        Self::start_by(command, what, name, orders)
    }

    /// As [`Worker::start`], by a command that runs this binary in surroundings of its own.
    pub fn start_by(
        mut command: Command,
        what: &str,
        name: &str,
        orders: &[(&str, String)],
    ) -> Self {
        command.args(["--exact", name, "--ignored", "--nocapture"]);
        command.envs(orders.iter().map(|(key, value)| (*key, value)));
        Self::of(what, command)
    }

    /// A Python program of this folder.
    pub fn python(what: &str, python: &str, program: &str, arguments: &[String]) -> Self {
        let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap();
        let mut command = Command::new(python);
        command.arg(format!("{folder}/tests/line_kills/{program}"));
        command.args(arguments);
        Self::of(what, command)
    }

    fn of(what: &str, mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (says, said) = channel();
        std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            lines.for_each(|line| drop(says.send(line)));
        });
        Self {
            what: what.to_owned(),
            input: child.stdin.take(),
            said,
            child,
        }
    }

    /// Waits for a line that has `prefix`, and gives the rest of it.
    pub fn line(&mut self, prefix: &str) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("{} never said {prefix:?}", self.what));
            if let Some(at) = line.find(prefix) {
                return line[at + prefix.len()..].trim().to_owned();
            }
        }
    }

    /// Whether it has said so by now.
    pub fn has_said(&mut self, prefix: &str) -> bool {
        self.said.try_iter().any(|line| line.contains(prefix))
    }

    /// Gives the worker a line to read.
    pub fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
    }

    /// Tells the worker to end; gives what it says of itself.
    pub fn end(&mut self) -> String {
        drop(self.input.take());
        let said = self.line("summary ");
        let mut status = None;
        eventually(&format!("{} does not end", self.what), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success(), "{} failed", self.what);
        said
    }

    /// Whether it has ended by itself, which none does.
    pub fn assert_lives(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "{}", self.what);
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: the child of this test, which has not been waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
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

/// Waits until `condition` holds; a test that gets stuck fails with `what`.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "stuck: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// In a worker: an order from the environment.
pub fn order(key: &str) -> String {
    std::env::var(key)
        .unwrap_or_else(|_| panic!("{key} is not set: this is a worker of another test"))
}

/// In a worker: set once the test closes its end.
pub fn end_of_input() -> std::sync::Arc<std::sync::atomic::AtomicBool> {
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let set = ended.clone();
    std::thread::spawn(move || {
        std::io::stdin().lines().for_each(drop);
        set.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    ended
}

/// A configuration of a session that meets those of this run and nobody else.
pub fn config(listen: &[String], connect: &[String]) -> zenoh::Config {
    let mut config = zenoh::Config::default();
    for (key, endpoints) in [("listen/endpoints", listen), ("connect/endpoints", connect)] {
        config.insert_json5(key, &format!("{endpoints:?}")).unwrap();
    }
    for (key, value) in [
        ("scouting/multicast/enabled", "false"),
        ("scouting/gossip/enabled", "false"),
        ("connect/timeout_ms", "-1"),
        ("connect/exit_on_failure", "false"),
        (
            "connect/retry",
            "{period_init_ms: 20, period_max_ms: 50, period_increase_factor: 1}",
        ),
    ] {
        config.insert_json5(key, value).unwrap();
    }
    config
}
