//! What a frame costs from C beside Rust: `make c-figures`.
//!
//! Either side is one process with a publisher, a subscriber and a line between them, and takes its turn in each round.

use std::{
    env, error,
    net::TcpListener,
    process::Command,
    time::{Duration, Instant},
};

use zenoh_pinned::Pinner;
use zenoh_pinned_node::pubsub::{self, FrameSubscriber, PinnedPublisher};

const BYTES: usize = 4096;
const WARM_UP: usize = 2000;
const FRAMES: usize = 20_000;
const ROUNDS: usize = 7;
const STEPS: [&str; 3] = ["allocate and put", "receive", "drop the frame"];
/// What C may cost more, in microseconds.
const AIM: f64 = 0.5;

type Outcome<T> = Result<T, Box<dyn error::Error + Send + Sync>>;
/// Nanoseconds of each step.
type Times = [u32; 3];

fn configurations() -> Outcome<[String; 2]> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let of = |what: &str| {
        format!(
            "{{mode: 'peer', scouting: {{multicast: {{enabled: false}}}}, {what}: {{endpoints: ['tcp/127.0.0.1:{port}']}}}}"
        )
    };
    Ok([of("listen"), of("connect")])
}

fn from_rust() -> Outcome<Vec<Times>> {
    let pinner = Pinner::host_only();
    let [waits, goes] = configurations()?;
    let publishing = pubsub::open(zenoh::Config::from_json5(&waits)?, &pinner)?;
    let goes =
        zenoh::Config::from_json5(&goes.replace("connect:", "listen: {endpoints: []}, connect:"))?;
    let subscribing = pubsub::open(goes, &pinner)?;
    let subscriber = FrameSubscriber::builder(&pinner).declare(&subscribing, "calls")?;
    let publisher = PinnedPublisher::builder(BYTES).alone();
    let publisher = publisher.declare(&publishing, "calls")?;
    // Until they have met, frames reach nobody.
    let patience = Duration::from_millis(100);
    loop {
        publisher.put(publisher.alloc(BYTES)?)?;
        if subscriber.recv_timeout(patience).is_ok() {
            break;
        }
    }
    while subscriber.recv_timeout(patience).is_ok() {}
    let mut taken = Vec::with_capacity(FRAMES);
    for round in 0..WARM_UP + FRAMES {
        let begun = Instant::now();
        let mut slot = publisher.alloc(BYTES)?;
        slot[0] = round as u8;
        publisher.put(slot)?;
        let sent = Instant::now();
        let frame = subscriber.recv_timeout(Duration::from_secs(10))?;
        let received = Instant::now();
        drop(frame);
        let dropped = Instant::now();
        if round >= WARM_UP {
            let spans = [sent - begun, received - sent, dropped - received];
            taken.push(spans.map(|span| span.as_nanos() as u32));
        }
    }
    Ok(taken)
}

fn from_c(program: &str) -> Outcome<Vec<Times>> {
    let [waits, goes] = configurations()?;
    let goes = goes.replace("connect:", "listen: {endpoints: []}, connect:");
    let run = Command::new(program)
        .args([&waits, &goes, &FRAMES.to_string()])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !run.status.success() {
        return Err(format!("{program}: {}; `make c-figures` builds it", run.status).into());
    }
    let (times, _) = run.stdout.as_chunks::<12>();
    let time = |bytes: &[u8; 12], step: usize| {
        let at = |index: usize| bytes[step * 4 + index];
        u32::from_ne_bytes([at(0), at(1), at(2), at(3)])
    };
    Ok(times
        .iter()
        .map(|bytes| [0, 1, 2].map(|step| time(bytes, step)))
        .collect())
}

/// In microseconds.
fn percentile(times: &[Times], step: usize, part: usize) -> f64 {
    let mut of_step: Vec<_> = times.iter().map(|times| times[step]).collect();
    of_step.sort_unstable();
    let index = of_step.len().saturating_sub(1) * part / 100;
    f64::from(of_step.get(index).copied().unwrap_or(0)) / 1000.0
}

fn main() -> Outcome<()> {
    let Some(program) = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"))
    else {
        println!("no program in C was named: `make c-figures`");
        return Ok(());
    };
    let (mut rust, mut c) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        rust.extend(from_rust()?);
        c.extend(from_c(&program)?);
    }
    println!(
        "Microseconds of a call, p50 / p99, {} frames of {BYTES} bytes each, in {ROUNDS} turns\n",
        c.len()
    );
    println!("| step | Rust | C | C - Rust, p50 | aim: at most {AIM} |\n|---|---|---|---|---|");
    for (step, name) in STEPS.iter().enumerate() {
        let of = |times: &[Times]| [50, 99].map(|part| percentile(times, step, part));
        let ([rust, rust_late], [c, c_late]) = (of(&rust), of(&c));
        let more = c - rust;
        let is_met = if more <= AIM { "met" } else { "missed" };
        println!(
            "| {name} | {rust:.2} / {rust_late:.2} | {c:.2} / {c_late:.2} | {more:+.2} | {is_met} |"
        );
    }
    Ok(())
}
