//! What the supervisor itself takes: memory with four workers, and CPU time over an idle minute.

use std::{
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use zenoh_pinned_measuring::{clock, memory};

use super::{SOON, alone};
use crate::{Outcome, engines};

const IDLE: Duration = Duration::from_secs(60);

/// In a process that has done nothing else.
pub fn measure() -> Outcome<Value> {
    let program = std::env::current_exe()?;
    let supervisor = Command::new(program)
        .arg("supervisor")
        .stdout(Stdio::piped())
        .output()?;
    Ok(serde_json::from_slice(&supervisor.stdout)?)
}

/// That process: prints what it has taken.
pub fn supervise() -> Outcome {
    let session = alone()?;
    let workers = engines::pool("nothing")?.range(4..=4).build(&session)?;
    workers.wait_until_ready(4, SOON);
    for _ in 0..100 {
        workers.request("x").send().wait()?;
    }
    let before = clock::cpu_of_this_process();
    thread::sleep(IDLE);
    let cpu = Duration::from_nanos(clock::cpu_of_this_process().saturating_sub(before));
    let taken = json!({
        "pss_bytes": memory::pss_of(std::process::id())?,
        "idle_cpu_percent": 100.0 * cpu.as_secs_f64() / IDLE.as_secs_f64(),
    });
    println!("{taken}");
    Ok(())
}
