//! zenoh without dora: a stock pool, a `put`, a callback in another process. What dora stands on.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use zenoh::{
    Config, Session, Wait,
    qos::{CongestionControl, Priority},
    sample::Sample,
    shm::{BlockOn, GarbageCollect, ShmProviderBuilder},
};

use crate::{
    FRAME_BYTES, Outcome, clock,
    mappings::Mappings,
    round::{Plan, Round, WARM_UP},
};

const KEY: &str = "bench/image";

/// A round in which the subscriber receives in a `callback`, or by `receive`.
pub(crate) fn round(plan: &Plan, how: &str) -> Outcome<Round> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("tcp/{}", listener.local_addr()?);
    drop(listener);
    let (mut subscriber, mut said) = start("bare-subscriber", &endpoint, how, plan)?;
    let mut line = String::new();
    said.read_line(&mut line)?;
    let (mut publisher, mut publisher_said) = start("bare-publisher", &endpoint, how, plan)?;
    let mut camera_cpu = String::new();
    publisher_said.read_to_string(&mut camera_cpu)?;
    drop(subscriber.stdin.take());
    let mut arrivals = String::new();
    said.read_to_string(&mut arrivals)?;
    if !publisher.wait()?.success() || !subscriber.wait()?.success() {
        return Err("a zenoh process failed".into());
    }
    let mut round = Round {
        sent: plan.frames - WARM_UP,
        camera_cpu: camera_cpu.trim().parse()?,
        ..Round::default()
    };
    round.read_sink(&arrivals);
    Ok(round)
}

fn start(
    part: &str,
    endpoint: &str,
    how: &str,
    plan: &Plan,
) -> Outcome<(Child, BufReader<std::process::ChildStdout>)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([part, endpoint, how]);
    command.env("FRAMES", plan.frames.to_string());
    command.env("INTERVAL_US", plan.interval_microseconds.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let said = child.stdout.take().ok_or("no pipe")?;
    Ok((child, BufReader::new(said)))
}

fn open(key: &str, endpoint: &str) -> Outcome<Session> {
    let mut config = Config::default();
    config.insert_json5("scouting/multicast/enabled", "false")?;
    config.insert_json5("listen/endpoints", "[]")?;
    config.insert_json5(key, &format!("[{endpoint:?}]"))?;
    zenoh::open(config).wait()
}

pub(crate) fn publish(endpoint: &str) -> Outcome {
    let order = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let frames: u64 = order("FRAMES")?.parse()?;
    let interval = order("INTERVAL_US")?.parse::<u64>()? * 1000;
    let session = open("connect/endpoints", endpoint)?;
    let publisher = session
        .declare_publisher(KEY)
        .congestion_control(CongestionControl::Drop)
        .express(true)
        .priority(Priority::RealTime)
        .wait()?;
    while !publisher.matching_status().wait()?.matching() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let pool = ShmProviderBuilder::default_backend(64 << 20).wait()?;
    let mut cpu = 0;
    let started = clock::now();
    for frame in 0..frames {
        clock::sleep_until(started + frame * interval);
        if frame == WARM_UP {
            cpu = clock::cpu_of_this_process();
        }
        let begun = clock::now();
        let request = pool.alloc(FRAME_BYTES);
        let mut buffer = request.with_policy::<BlockOn<GarbageCollect>>().wait()?;
        buffer.fill(frame as u8);
        let sent = clock::now();
        let beside = [frame, begun, sent].map(u64::to_le_bytes).concat();
        publisher.put(buffer).attachment(beside).wait()?;
    }
    println!("{}", clock::cpu_of_this_process() - cpu);
    // What was sent last is still on its way.
    std::thread::sleep(std::time::Duration::from_millis(200));
    Ok(())
}

#[derive(Default)]
struct Seen {
    lines: String,
    mappings: Mappings,
    cpu_at_first: Option<u64>,
    cpu_at_last: u64,
}

impl Seen {
    fn note(&mut self, sample: &Sample) {
        let arrived = clock::now();
        let beside = sample
            .attachment()
            .map(|beside| beside.to_bytes().into_owned());
        let beside = beside.unwrap_or_default();
        let mut numbers = beside
            .chunks_exact(8)
            .filter_map(|chunk| chunk.try_into().ok());
        let mut number = || numbers.next().map(u64::from_le_bytes).unwrap_or_default();
        let (frame, begun, sent) = (number(), number(), number());
        let piece = sample.payload().slices().next();
        let address = piece.map_or(0, |piece| piece.as_ptr() as usize);
        let shared = u8::from(self.mappings.is_shared(address));
        let _ = writeln!(self.lines, "{frame} {begun} {sent} {arrived} {shared}");
        self.cpu_at_last = clock::cpu_of_this_process();
        if frame >= WARM_UP {
            let now = self.cpu_at_last;
            self.cpu_at_first.get_or_insert(now);
        }
    }
}

pub(crate) fn subscribe(endpoint: &str, how: &str) -> Outcome {
    let session = open("listen/endpoints", endpoint)?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let noting = seen.clone();
    let note = move |sample: Sample| {
        let mut seen = noting.lock().unwrap_or_else(PoisonError::into_inner);
        seen.note(&sample);
    };
    let subscription = session.declare_subscriber(KEY);
    match how {
        "callback" => subscription.callback(note).background().wait()?,
        _ => {
            // zenoh's default: a queue, and a thread that waits for it.
            let subscriber = subscription.wait()?;
            std::thread::spawn(move || subscriber.iter().for_each(note));
        }
    }
    println!("ready");
    std::io::stdout().flush()?;
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest)?;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let cpu = seen.cpu_at_last - seen.cpu_at_first.unwrap_or(seen.cpu_at_last);
    print!("{}{cpu}", seen.lines);
    Ok(())
}
