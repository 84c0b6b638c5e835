//! Requests per second of 64 bytes.

use std::{
    collections::VecDeque,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use zenoh::Wait;
use zenoh_pinned::Pinner;
use zenoh_pinned_measuring::session;
use zenoh_pinned_workers::{Payload, PendingAnswer, Request, WorkersClient};

use super::{SOON, alone};
use crate::{Outcome, engines};

const BATCH: usize = 64;
const UNDER_WAY: usize = 2048;
const LASTS: Duration = Duration::from_secs(4);

pub fn measure() -> Outcome<Value> {
    let session = alone()?;
    let workers = engines::pool("echo")?
        .range(1..=1)
        .batch(BATCH, Duration::from_micros(200));
    let workers = workers.credits(4).queue(2 * UNDER_WAY).build(&session)?;
    workers.wait_until_ready(1, SOON);
    let here = rate(|payload| workers.request(payload))?;
    drop(workers);
    session.close().wait()?;
    Ok(json!({ "in_process_per_second": here, "across_processes_per_second": across()? }))
}

fn across() -> Outcome<f64> {
    let folder = std::env::temp_dir().join(format!("workers-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let endpoint = format!("unixsock-stream/{}/s", folder.display());
    let config = session::configuration(&[&endpoint], &[])?;
    let session = zenoh_pinned_node::pubsub::open(config, &Pinner::host_only())?;
    let workers = engines::pool("echo")?
        .range(1..=1)
        .batch(BATCH, Duration::from_micros(200));
    let workers = workers.credits(4).queue(2 * UNDER_WAY).build(&session)?;
    workers.wait_until_ready(1, SOON);
    let client = Command::new(std::env::current_exe()?)
        .args(["client", &endpoint])
        .stdout(Stdio::piped())
        .output()?;
    drop(workers);
    std::fs::remove_dir_all(folder)?;
    Ok(String::from_utf8(client.stdout)?.trim().parse()?)
}

/// The client's process: prints its rate.
pub fn client(endpoint: &str) -> Outcome {
    let config = session::configuration(&[], &[endpoint])?;
    let session = zenoh_pinned_node::pubsub::open(config, &Pinner::host_only())?;
    let client = WorkersClient::connect(&session, "echo", SOON)?;
    println!("{}", rate(|payload| client.request(payload))?);
    Ok(())
}

fn rate<'a>(request: impl Fn(Payload) -> Request<'a>) -> Outcome<f64> {
    let mut under_way: VecDeque<(u64, PendingAnswer)> = VecDeque::new();
    let mut number = 0_u64;
    let mut counted = 0_u64;
    let mut begun = Instant::now();
    let warm_until = begun + Duration::from_millis(500);
    let mut is_warm = false;
    loop {
        while under_way.len() < UNDER_WAY {
            let mut bytes = [0; 64];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            under_way.push_back((number, request(bytes.into()).send()));
            number += 1;
        }
        // A good part at once, as a server would.
        for (number, pending) in under_way.drain(..UNDER_WAY / 2) {
            let answer = pending.wait()?;
            if answer[..8] != number.to_le_bytes() {
                return Err("another request's answer".into());
            }
            counted += 1;
        }
        if !is_warm && Instant::now() > warm_until {
            (is_warm, counted, begun) = (true, 0, Instant::now());
        }
        if is_warm && begun.elapsed() > LASTS {
            return Ok(counted as f64 / begun.elapsed().as_secs_f64());
        }
    }
}
