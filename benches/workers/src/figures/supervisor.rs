//! What the supervisor itself takes: memory with four workers, and CPU time over an idle minute.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use zenoh_pinned_measuring::clock;

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
        "pss_bytes": pss()?,
        "idle_cpu_percent": 100.0 * cpu.as_secs_f64() / IDLE.as_secs_f64(),
    });
    println!("{taken}");
    Ok(())
}

/// This process's part of the memory that it has, what it shares divided by those who share it; see proc(5).
fn pss() -> Outcome<u64> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("no Pss")?;
    Ok(kibibytes.parse::<u64>()? * 1024)
}
