//! One round of a dora arm: a dataflow of a camera and a sink, run by the released CLI.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    Outcome,
    arm::{Arm, Language, Nodes},
    clock,
    round::{Plan, Round, WARM_UP},
};

pub(crate) fn round(plan: &Plan, python: &Path, nodes: Nodes, arm: Arm) -> Outcome<Round> {
    let folder = std::env::temp_dir().join(format!("dora-bench-{}", clock::now()));
    fs::create_dir_all(&folder)?;
    let result = run_in(&folder, plan, python, nodes, arm);
    match &result {
        Ok(_) => fs::remove_dir_all(&folder)?,
        Err(_) => eprintln!("what the dataflow said is in {}", folder.display()),
    }
    result
}

fn run_in(folder: &Path, plan: &Plan, python: &Path, nodes: Nodes, arm: Arm) -> Outcome<Round> {
    fs::write(
        folder.join("dataflow.yml"),
        describe(folder, plan, python, nodes, arm)?,
    )?;
    let log = fs::File::create(folder.join("log"))?;
    let mut command = Command::new(python.with_file_name("dora"));
    command.args(["run", "dataflow.yml"]).current_dir(folder);
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let mut process = command.spawn()?;
    let daemon_cpu = watch(&mut process, folder)?;
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let mut round = Round {
        sent: plan.frames - WARM_UP,
        camera_cpu: read("camera").trim().parse()?,
        daemon_cpu,
        ..Round::default()
    };
    let calls = read("calls");
    let calls = calls.lines().filter_map(|line| line.parse().ok());
    round.calls = calls.skip(WARM_UP as usize).collect();
    round.read_sink(&read("sink"));
    Ok(round)
}

/// Waits for the end; gives the daemon's CPU time from the first frame that counts to the camera's last.
fn watch(process: &mut Child, folder: &Path) -> Outcome<u64> {
    let (mut at_warm, mut at_end) = (None, None);
    loop {
        let used = clock::cpu_of(process.id()).unwrap_or_default();
        if at_warm.is_none() && folder.join("warm").exists() {
            at_warm = Some(used);
        }
        if at_end.is_none() && folder.join("camera").exists() {
            at_end = Some(used);
        }
        if let Some(status) = process.try_wait()? {
            if !status.success() {
                return Err("a dataflow failed".into());
            }
            return Ok(at_end
                .unwrap_or_default()
                .saturating_sub(at_warm.unwrap_or_default()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn describe(folder: &Path, plan: &Plan, python: &Path, nodes: Nodes, arm: Arm) -> Outcome<String> {
    let program = std::env::current_exe()?.display().to_string();
    let start = |language, name: &str, script: &str| -> Outcome<(String, String)> {
        if let Language::Rust = language {
            return Ok((program.clone(), name.to_owned()));
        }
        let file = folder.join(name).with_extension("py");
        fs::write(&file, script)?;
        Ok((python.display().to_string(), file.display().to_string()))
    };
    let (camera, camera_arguments) = start(nodes.camera, "camera", include_str!("camera.py"))?;
    let (sink, sink_arguments) = start(nodes.sink, "sink", include_str!("sink.py"))?;
    let pool = match arm {
        Arm::Stock64 => "    shared_memory_pool_size: 64MB\n",
        _ => "",
    };
    let (frames, interval) = (plan.frames, plan.interval_microseconds);
    let (how, folder): (_, PathBuf) = (arm.order(), folder.into());
    let folder = folder.display();
    Ok(format!(
        "nodes:\n  - id: camera\n    path: {camera}\n    args: {camera_arguments}\n{pool}    env:\n      FOLDER: {folder}\n      \
         FRAMES: \"{frames}\"\n      INTERVAL_US: \"{interval}\"\n      HOW: {how}\n    outputs: [image]\n  \
         - id: sink\n    path: {sink}\n    args: {sink_arguments}\n    env:\n      FOLDER: {folder}\n    \
         inputs:\n      image: camera/image\n"
    ))
}
