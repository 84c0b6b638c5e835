//! The processes of a round: this program once more, in another role.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use crate::{Outcome, workload::Orders};

/// No process takes so long to say the next thing, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    pub fn start(role: &str, orders: &Orders) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(role)
            .env(Orders::VARIABLE, serde_json::to_string(orders)?)
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
            name: format!("{role} {}", orders.index),
            input: child.stdin.take(),
            child,
            lines,
        })
    }

    /// Whether it says `word` on a line within so long.
    ///
    /// # Errors
    /// It has ended instead.
    fn says(&mut self, word: &str, within: Duration) -> Outcome<bool> {
        match self.lines.recv_timeout(within) {
            Ok(line) => Ok(line == word),
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => {
                Err(format!("{} ended before it said {word:?}", self.name).into())
            }
        }
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub fn tell(&mut self, line: &str) -> Outcome {
        let input = self.input.as_mut().ok_or("its input is closed")?;
        writeln!(input, "{line}")?;
        Ok(input.flush()?)
    }

    /// Closes its input, upon which it ends.
    pub fn end(mut self) -> Outcome {
        drop(self.input.take());
        let status = self.child.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{} failed: {status}", self.name).into()),
        }
    }
}

/// Waits until each of `processes` has said `word`, as long as all of `others` go on.
pub fn all_say(word: &str, processes: &mut [Process], others: &mut [Process]) -> Outcome {
    let begun = Instant::now();
    for process in processes {
        while !process.says(word, Duration::from_millis(50))? {
            for other in &mut *others {
                if other.has_ended() {
                    return Err(format!("{} ended too early", other.name).into());
                }
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} never said {word:?}", process.name).into());
            }
        }
    }
    Ok(())
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
