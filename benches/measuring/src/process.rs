//! Another process of a measurement, usually this program in another role. It is told lines on its standard input, says
//! lines on its standard output, and ends by itself when its input is closed.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// No process takes so long to say the next thing, or to end, however slow the machine is.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A process, which is killed when this is dropped and it has not ended.
pub struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    /// Starts `command`; errors call it `name`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(name: impl Into<String>, command: &mut Command) -> Result<Self, Error> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (sender, lines) = channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Ok(Self {
            name: name.into(),
            input: child.stdin.take(),
            child,
            lines,
        })
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line that it says next; `None` where it says none within so long.
    ///
    /// # Errors
    /// It has ended instead.
    pub fn hear(&mut self, within: Duration) -> Result<Option<String>, Error> {
        match self.lines.recv_timeout(within) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(format!("{} has ended", self.name).into()),
        }
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Says a line to it.
    ///
    /// # Errors
    /// It does not listen any more.
    pub fn tell(&mut self, line: &str) -> Result<(), Error> {
        let input = self.input.as_mut().ok_or("its input is closed")?;
        let told = writeln!(input, "{line}").and_then(|()| input.flush());
        told.map_err(|error| format!("{} does not listen: {error}", self.name).into())
    }

    /// Closes its input, upon which it ends.
    ///
    /// # Errors
    /// It failed, or goes on regardless and was killed.
    pub fn end(mut self) -> Result<(), Error> {
        drop(self.input.take());
        let until = Instant::now() + PATIENCE;
        // Its output is closed when it ends.
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("{} did not end", self.name).into());
                }
            }
        }
        let status = self.child.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{} failed: {status}", self.name).into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
