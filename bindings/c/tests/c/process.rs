//! Programs that a test talks to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A running program; killed if the test forgets it.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Waits for a line that begins with `prefix`, and gives the rest of it.
    pub fn line(&mut self, prefix: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the program ended without saying {prefix:?}");
            if let Some(rest) = line.strip_prefix(prefix) {
                return rest.trim().to_owned();
            }
        }
    }

    pub fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for a program that ends when its input does.
    pub fn end(mut self) {
        drop(self.input.take());
        let mut rest = String::new();
        let _ = self.output.read_to_string(&mut rest);
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}\n{rest}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Configurations of zenoh that meet at a port of this host's: who waits there, and who goes there.
pub fn configurations() -> [String; 2] {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let of = |listen: &str, connect: &str| {
        format!(
            "{{mode: 'peer', scouting: {{multicast: {{enabled: false}}}}, listen: {{endpoints: [{listen}]}}, \
             connect: {{endpoints: [{connect}], timeout_ms: -1, exit_on_failure: false}}, \
             transport: {{shared_memory: {{enabled: true}}}}}}"
        )
    };
    let endpoint = format!("'tcp/127.0.0.1:{port}'");
    [of(&endpoint, ""), of("", &endpoint)]
}

/// The Python that has eclipse-zenoh.
pub fn python(script: &Path) -> Command {
    let python = std::env::var("ZENOH_PINNED_PYTHON");
    let python = PathBuf::from(
        python.expect("ZENOH_PINNED_PYTHON names a Python with eclipse-zenoh: `make test`"),
    );
    let mut command = Command::new(python);
    command.arg(script).env("PYTHONUNBUFFERED", "1");
    command
}
