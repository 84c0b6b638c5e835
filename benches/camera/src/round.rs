//! One round: the processes of one arm and one workload, and what they have seen.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Outcome,
    arm::Arm,
    clock,
    consumer::Sighting,
    dataflow, process,
    workload::{Orders, Workload},
};

/// What one round gave. CPU times in nanoseconds.
#[derive(Debug, Default)]
pub struct Round {
    pub cameras: Vec<Camera>,
    pub consumers: Vec<Consumer>,
    /// Of dora's daemon; zero where there is none.
    pub daemon_cpu: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Camera {
    pub sent: u64,
    /// Periods that passed without a frame because the camera was held up.
    pub missed: u64,
    pub cpu: u64,
    pub copied: u64,
    /// Pages of its segments by NUMA node.
    pub memory_nodes: BTreeMap<u32, u64>,
}

#[derive(Clone, Debug, Default)]
pub struct Consumer {
    pub sightings: Vec<Sighting>,
    pub wrong: u64,
    pub copied: u64,
    pub cpu: u64,
}

/// Runs one round. `dora` is the command of dora's arms.
pub fn run(arm: Arm, workload: &Workload, dora: Option<&Path>) -> Outcome<Round> {
    let name = format!("camera-bench-{}", clock::now());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder)?;
    let orders = Orders {
        arm,
        workload: *workload,
        index: 0,
        folder: folder.clone(),
    };
    let result = match (arm.is_dora(), dora) {
        (true, Some(dora)) => dataflow::run(&orders, dora),
        (true, None) => Err("dora's command is needed".into()),
        (false, _) => processes(&orders),
    };
    let outcome = result.and_then(|daemon_cpu| read(&orders, daemon_cpu));
    match &outcome {
        Ok(_) => fs::remove_dir_all(&folder)?,
        Err(_) => eprintln!("what the round left is in {}", folder.display()),
    }
    outcome
}

fn processes(orders: &Orders) -> Outcome<u64> {
    let start = |role: &str, index: usize| {
        let orders = Orders {
            index,
            ..orders.clone()
        };
        process::start(role, &orders)
    };
    let Workload {
        cameras, consumers, ..
    } = orders.workload;
    // One after the other: zenoh processes that start at once can sweep away each other's new memory.
    let start_all = |role: &str, count: usize| {
        let mut processes = Vec::new();
        for index in 0..count {
            processes.push(start(role, index)?);
            process::all_say("listening", &mut processes[index..], &mut [])?;
        }
        Outcome::Ok(processes)
    };
    let mut cameras = start_all("camera", cameras)?;
    let mut consumers = start_all("consumer", consumers)?;
    process::all_say("warm", &mut consumers, &mut cameras)?;
    for camera in &mut cameras {
        camera.tell("go")?;
    }
    process::all_say("done", &mut cameras, &mut consumers)?;
    for consumer in consumers {
        consumer.end()?;
    }
    for camera in cameras {
        camera.end()?;
    }
    Ok(0)
}

fn read(orders: &Orders, daemon_cpu: u64) -> Outcome<Round> {
    let text = |role: &str, index: usize| -> Outcome<(PathBuf, String)> {
        let path = orders.result(role, index);
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("{} left nothing: {error}", path.display()))?;
        Ok((path, text))
    };
    let mut round = Round {
        daemon_cpu,
        ..Round::default()
    };
    for index in 0..orders.workload.cameras {
        let (path, text) = text("camera", index)?;
        let (counts, nodes) = text.split_once('\n').unwrap_or((&text, "{}"));
        let [sent, missed, cpu, copied] = numbers(&path, counts)?;
        round.cameras.push(Camera {
            sent,
            missed,
            cpu,
            copied,
            memory_nodes: serde_json::from_str(nodes)?,
        });
    }
    for index in 0..orders.workload.consumers {
        let (path, text) = text("consumer", index)?;
        let (lines, last) = match text.trim_end().rsplit_once('\n') {
            Some(split) => split,
            None => ("", text.trim_end()),
        };
        let [wrong, copied, cpu] = numbers(&path, last)?;
        let sightings = lines.lines().filter_map(Sighting::parse).collect();
        round.consumers.push(Consumer {
            sightings,
            wrong,
            copied,
            cpu,
        });
    }
    Ok(round)
}

fn numbers<const COUNT: usize>(path: &Path, text: &str) -> Outcome<[u64; COUNT]> {
    let numbers: Vec<u64> = text
        .split_ascii_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    numbers
        .try_into()
        .map_err(|_| format!("{} does not hold {COUNT} numbers", path.display()).into())
}
