//! A consumer with unmodified zenoh that holds some frames and looks whether their bytes stay.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zenoh::{Wait, sample::Sample};

use crate::{
    KEY,
    harness::{frames, peer, source, worker},
};

const HELD: usize = 3;

/// An endpoint that the Python package can connect to.
pub fn tcp_endpoint() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("tcp/{}", listener.local_addr().unwrap())
}

pub enum Survivor {
    Rust(worker::Worker),
    Python(Child, BufReader<std::process::ChildStdout>),
}

impl Survivor {
    pub fn rust(endpoint: &str) -> Self {
        let orders = worker::orders("survivor::worker_survivor").with("ENDPOINT", endpoint);
        let mut process = orders.start();
        process.line("listening");
        Self::Rust(process)
    }

    /// `None` where there is no Python with eclipse-zenoh (`make test` has one).
    pub fn python(endpoint: &str) -> Option<Self> {
        let Ok(python) = std::env::var("ZENOH_PINNED_PYTHON") else {
            println!("without a Python consumer: set ZENOH_PINNED_PYTHON, as make test does");
            return None;
        };
        let mut process = Command::new(python)
            .arg(source("tests/peers/holder.py"))
            .args([endpoint, KEY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "listening");
        Some(Self::Python(process, output))
    }

    /// Ends it; every frame it held must have kept its bytes, and it must have received most of them.
    pub fn end(self, published: u64) {
        let verdict = match self {
            Self::Rust(mut process) => {
                process.close_input();
                let verdict = process.line("checked");
                process.end_without_report();
                verdict
            }
            Self::Python(mut process, mut output) => {
                drop(process.stdin.take());
                let mut rest = String::new();
                output.read_to_string(&mut rest).unwrap();
                assert!(process.wait().unwrap().success());
                rest.trim().trim_start_matches("checked").trim().to_owned()
            }
        };
        println!("a living consumer checked, found changed, received by copy: {verdict}");
        let numbers: Vec<u64> = verdict
            .split_ascii_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        let [checked, changed, by_copy] = numbers[..] else {
            panic!("{verdict}");
        };
        assert_eq!((changed, by_copy), (0, 0));
        assert!(checked > published / 2, "{checked} of {published}");
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_survivor() {
    let session = zenoh::open(peer::connecting(&worker::order("ENDPOINT")))
        .wait()
        .unwrap();
    let subscriber = session.declare_subscriber(KEY).wait().unwrap();
    println!("listening");
    let stop = Arc::new(AtomicBool::new(false));
    std::thread::spawn({
        let stop = stop.clone();
        move || {
            worker::wait_for_end();
            stop.store(true, Ordering::Relaxed);
        }
    });
    let (mut checked, mut changed, mut by_copy) = (0, 0, 0);
    let mut held: VecDeque<Sample> = VecDeque::new();
    while !stop.load(Ordering::Relaxed) {
        let Ok(Some(sample)) = subscriber.recv_timeout(Duration::from_millis(50)) else {
            continue;
        };
        by_copy += u64::from(sample.payload().as_shm().is_none());
        changed += u64::from(!is_whole(&sample));
        held.push_back(sample);
        if held.len() > HELD
            && let Some(oldest) = held.pop_front()
        {
            changed += u64::from(!is_whole(&oldest));
            checked += 1;
        }
    }
    drop(held);
    println!("checked {checked} {changed} {by_copy}");
}

/// Whether a sample's bytes are the frame that its attachment names.
pub fn is_whole(sample: &Sample) -> bool {
    let sequence = sample.attachment().unwrap().to_bytes();
    let sequence = u64::from_le_bytes(sequence.as_ref().try_into().unwrap());
    frames::is_frame(&sample.payload().to_bytes(), sequence)
}
