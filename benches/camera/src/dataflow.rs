//! One round of a dora arm: a dataflow, run by the released command.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{Outcome, arm::Arm, clock, workload::Orders};

/// No dataflow takes so long, however slow the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the dataflow to its end; gives the daemon's CPU time while frames were counted, in nanoseconds.
pub fn run(orders: &Orders, dora: &Path) -> Outcome<u64> {
    // YAML can be written as JSON.
    fs::write(
        orders.folder.join("dataflow.yml"),
        describe(orders)?.to_string(),
    )?;
    let log = fs::File::create(orders.folder.join("log"))?;
    let mut process = Command::new(dora)
        .args(["run", "dataflow.yml"])
        .current_dir(&orders.folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let watched = watch(&mut process, orders);
    if watched.is_err() && matches!(process.try_wait(), Ok(None)) {
        let _ = process.kill();
        let _ = process.wait();
    }
    watched
}

fn watch(process: &mut Child, orders: &Orders) -> Outcome<u64> {
    let begun = Instant::now();
    let (mut at_begin, mut at_end) = (None, None);
    loop {
        let used = clock::cpu_of(process.id()).unwrap_or_default();
        if at_begin.is_none() && orders.result("counting", 0).exists() {
            at_begin = Some(used);
        }
        if at_end.is_none() && orders.result("camera", 0).exists() {
            at_end = Some(used);
        }
        if let Some(status) = process.try_wait()? {
            if !status.success() {
                return Err(format!("a dataflow failed: {status}").into());
            }
            let begin = at_begin.unwrap_or_default();
            return Ok(at_end.unwrap_or_default().saturating_sub(begin));
        }
        if begun.elapsed() > PATIENCE {
            return Err("a dataflow did not end".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn describe(orders: &Orders) -> Outcome<Value> {
    let program = std::env::current_exe()?;
    let node = |role: &str, index: usize| -> Outcome<Value> {
        let orders = Orders {
            index,
            ..orders.clone()
        };
        Ok(json!({
            "id": format!("{role}-{index}"),
            "path": program,
            "args": role,
            "env": { Orders::VARIABLE: serde_json::to_string(&orders)? },
        }))
    };
    let mut nodes = Vec::new();
    for index in 0..orders.workload.cameras {
        let mut camera = node("camera", index)?;
        camera["outputs"] = json!(["image"]);
        if orders.arm == Arm::Dora64 {
            camera["shared_memory_pool_size"] = json!("64MB");
        }
        nodes.push(camera);
    }
    for index in 0..orders.workload.consumers {
        let mut consumer = node("consumer", index)?;
        for camera in 0..orders.workload.cameras {
            consumer["inputs"][format!("image-{camera}")] = json!(format!("camera-{camera}/image"));
        }
        nodes.push(consumer);
    }
    Ok(json!({ "nodes": nodes }))
}
