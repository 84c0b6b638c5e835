//! The processes of a round: this program once more, in another role.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use zenoh_pinned_measuring::process::PATIENCE;
pub use zenoh_pinned_measuring::process::Process;

use crate::{Outcome, workload::Orders};

pub fn start(role: &str, orders: &Orders) -> Outcome<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(role)
        .env(Orders::VARIABLE, serde_json::to_string(orders)?);
    Process::start(format!("{role} {}", orders.index), &mut command)
}

/// Waits until each of `processes` has said `word`, as long as all of `others` go on.
pub fn all_say(word: &str, processes: &mut [Process], others: &mut [Process]) -> Outcome {
    let begun = Instant::now();
    for process in processes {
        let says = |process: &mut Process| {
            let heard = process.hear(Duration::from_millis(50));
            let heard = heard.map_err(|error| format!("{error} before it said {word:?}"))?;
            Outcome::Ok(heard.is_some_and(|line| line == word))
        };
        while !says(process)? {
            for other in &mut *others {
                if other.has_ended() {
                    return Err(format!("{} ended too early", other.name()).into());
                }
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} never said {word:?}", process.name()).into());
            }
        }
    }
    Ok(())
}
