//! This program as another process, and how the two talk: lines on its standard input and output.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use zenoh_pinned_measuring::clock::now;

use crate::Error;

/// The other process; it ends when this is dropped, by the end of its input.
pub(crate) struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(arguments: &[&str]) -> Result<Self, Error> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the child has no output")?;
        Ok(Self {
            input: child.stdin.take(),
            lines: BufReader::new(output),
            child,
        })
    }

    /// The times that it tells next.
    pub(crate) fn times<const N: usize>(&mut self) -> Result<[u64; N], Error> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Err("the other process has ended".into());
        }
        if line.trim() == WRONG {
            return Err("a message arrived as it should not, for instance as a copy".into());
        }
        let times: Vec<u64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let times = times.try_into();
        times.map_err(|_| format!("the other process said {line:?}").into())
    }

    /// Wakes it by its input: it tells the time.
    pub(crate) fn wake(&mut self) -> Result<(), Error> {
        let input = self.input.as_mut().ok_or("the child has no input")?;
        Ok(input.write_all(b"\n")?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Said of a message that arrived as it should not.
const WRONG: &str = "wrong";

/// In the other process: tells times, or that the message was not as it should be.
pub(crate) fn tell(times: Option<&[u64]>) {
    let line = match times {
        Some(times) => times.iter().map(|time| format!("{time} ")).collect(),
        None => String::from(WRONG),
    };
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}");
    let _ = output.flush();
}

/// In the other process: tells the time whenever it is woken, until the end of its input.
pub(crate) fn tell_when_woken() {
    for line in std::io::stdin().lines() {
        let woken = now();
        if line.is_err() {
            break;
        }
        tell(Some(&[woken]));
    }
}
