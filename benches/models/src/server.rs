//! A server of models as a process of its own.

use std::{io::Write, path::Path, time::Duration};

use zenoh_pinned_measuring::process::{PATIENCE, Process};
use zenoh_pinned_models::{ModelServer, Registry};

use crate::Outcome;

/// No model goes because a turn is long.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(3600);

/// As whoever measures sees it.
pub struct Server {
    process: Process,
    pid: u32,
}

impl Server {
    /// Starts it, and waits until it serves.
    pub fn start(name: &str) -> Outcome<Self> {
        let mut program = std::process::Command::new(std::env::current_exe()?);
        let mut process = Process::start("the server", program.args(["server", name]))?;
        let line = process.hear(PATIENCE)?.ok_or("the server says nothing")?;
        let pid = line.parse()?;
        Ok(Self { process, pid })
    }

    /// Bytes that it has had from a disk, not from the kernel's memory of files.
    pub fn disk_bytes(&self) -> Outcome<u64> {
        let path = format!("/proc/{}/io", self.pid);
        let counts = std::fs::read_to_string(Path::new(&path))?;
        let line = counts
            .lines()
            .find_map(|line| line.strip_prefix("read_bytes:"));
        Ok(line
            .ok_or("the kernel does not count what is read")?
            .trim()
            .parse()?)
    }

    pub fn end(self) -> Outcome {
        self.process.end()
    }
}

/// That process: says its id once it serves, and ends when its input does.
pub fn serve(name: &str) -> Outcome {
    let registry = Registry::builder().time_to_live(TIME_TO_LIVE).build();
    let server = ModelServer::serve(&registry, name)?;
    println!("{}", std::process::id());
    std::io::stdout().flush()?;
    for line in std::io::stdin().lines() {
        line?;
    }
    drop(server);
    Ok(())
}
