//! A process of the soak, and what the kernel says about it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use crate::Outcome;

/// The numbers that a process has said last.
type Said = Arc<Mutex<Vec<u64>>>;

pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    said: Said,
}

impl Process {
    /// Starts this program in another role.
    pub fn start(arguments: &[&str], driver: Option<&Path>) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments);
        if let Some(driver) = driver {
            command.env("LD_LIBRARY_PATH", driver);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = Said::default();
        if let Some(output) = child.stdout.take() {
            let said = said.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let numbers = line.split_ascii_whitespace();
                    let numbers = numbers.filter_map(|number| number.parse().ok()).collect();
                    *said.lock().unwrap_or_else(PoisonError::into_inner) = numbers;
                }
            });
        }
        let input = child.stdin.take();
        Ok(Self { child, input, said })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The numbers of its last line.
    pub fn said(&self) -> Vec<u64> {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn kill(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Tells it to end and waits for that; an error if it failed.
    pub fn end(mut self) -> Outcome<()> {
        drop(self.input.take());
        let status = self.child.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("a process of the soak failed: {status}").into())
        }
    }

    /// Whether it has ended by itself, which it should not.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

/// What a process has, in the order of [`super::watch::OF_PROCESS`].
pub fn resources(pid: u32) -> Option<[u64; 4]> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kibibytes = |key: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    Some([
        kibibytes("RssAnon")?,
        kibibytes("RssShmem")?,
        descriptors as u64,
        maps.lines().count() as u64,
    ])
}
