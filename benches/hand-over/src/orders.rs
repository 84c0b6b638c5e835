//! What a process of a row is to do. Travels as JSON in its last argument.

use std::process::Command;

use serde::{Deserialize, Serialize};
use zenoh_pinned_measuring::process::Process;

use crate::{Outcome, arms::Arm, plan::Pace};

/// The roles, which are the first argument.
pub const PRODUCER: &str = "producer";
pub const CONSUMER: &str = "consumer";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    pub arm: Arm,
    pub taking: Taking,
    pub bytes: usize,
    /// Of the pool or the ring, or of a subscriber's buffer.
    pub slots: u32,
    pub consumers: usize,
    pub pace: Pace,
    /// How long a turn takes.
    pub milliseconds: u64,
    /// That no other row and arm has.
    pub name: String,
    /// Of a consumer.
    pub index: usize,
}

/// How a consumer takes its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taking {
    /// It waits for each.
    Recv,
    /// It is called with each.
    Callback,
}

impl Orders {
    /// Where the producer's zenoh session listens.
    pub fn endpoint(&self) -> String {
        let path = std::env::temp_dir().join(format!("{}.sock", self.name));
        format!("unixsock-stream/{}", path.display())
    }

    /// Starts this program in a role.
    pub fn start(&self, role: &str) -> Outcome<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(role).arg(serde_json::to_string(self)?);
        let name = format!("{role} {} of {}", self.index, self.arm.name());
        Process::start(name, &mut command)
    }
}

pub fn read(orders: &str) -> Outcome<Orders> {
    Ok(serde_json::from_str(orders)?)
}

/// Says a line to the process that started this one.
pub fn say(line: &str) -> Outcome {
    use std::io::Write;

    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}
