//! This program as another process, and how the two talk: lines on its standard input and output.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::{Error, clock::now};

/// The other process; it ends when this is dropped, by the end of its input.
pub(crate) struct OtherProcess {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl OtherProcess {
    pub(crate) fn start(arguments: &[&str]) -> Result<Self, Error> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the child has no output")?;
        Ok(Self {
            input: child.stdin.take(),
            output: BufReader::new(output),
            child,
        })
    }

    /// The time that it tells next.
    pub(crate) fn time(&mut self) -> Result<u64, Error> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("the other process has ended".into());
        }
        match line.trim().parse()? {
            0 => Err("a message arrived as it should not, for instance as a copy".into()),
            time => Ok(time),
        }
    }

    /// Wakes it by its input: it tells the time.
    pub(crate) fn wake(&mut self) -> Result<(), Error> {
        let input = self.input.as_mut().ok_or("the child has no input")?;
        Ok(input.write_all(b"\n")?)
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// In the other process: tells a time; zero for a message that arrived as it should not.
pub(crate) fn tell(time: u64) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{time}");
    let _ = output.flush();
}

/// In the other process: tells the time whenever it is woken, until the end of its input.
pub(crate) fn tell_when_woken() {
    for line in std::io::stdin().lines() {
        let woken = now();
        if line.is_err() {
            break;
        }
        tell(woken);
    }
}
