//! Other processes of tests: this program again, as a test that does nothing but for them.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

const ROLE: &str = "ZPIN_MODELS_TEST";

/// A process that reads lines and answers each with one.
pub struct Other {
    pub child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Other {
    /// Starts this program as the test `test`, which calls [`serve_lines`].
    pub fn start(test: &str, argument: &str) -> Self {
        Self::start_with(&[], test, argument)
    }

    /// The same through a program that starts another.
    pub fn start_with(prefix: &[&str], test: &str, argument: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut words = prefix.iter().map(std::ffi::OsStr::new);
        let first = words.next().unwrap_or(program.as_os_str());
        let mut command = Command::new(first);
        command.args(words);
        if !prefix.is_empty() {
            command.arg(&program);
        }
        let mut child = command
            .args(["--exact", test, "--nocapture", "--include-ignored"])
            .env(ROLE, argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut other = Self {
            child,
            input,
            output,
        };
        other.answer(); // it is there
        other
    }

    pub fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        self.answer()
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "the other process has ended");
            // The test's own lines are not for us; its name may stand before an answer.
            if let Some((_, answer)) = line.split_once("answer: ") {
                return answer.trim_end().to_owned();
            }
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the other process was started with; `None` where this is the test itself.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Answers each line with what `answer` says, until there are no more.
pub fn serve_lines(mut answer: impl FnMut(&str) -> String) {
    println!("answer: here");
    for line in std::io::stdin().lines() {
        println!("answer: {}", answer(&line.unwrap()));
    }
}
