//! Pools and sessions for these tests.

use std::time::Duration;

use zenoh::Session;
use zenoh_pinned::Pinner;
use zenoh_pinned_workers::{Workers, WorkersBuilder};

pub const SOON: Duration = Duration::from_secs(60);

/// A session that nobody else finds.
pub fn session() -> Session {
    let mut config = zenoh::Config::default();
    for (key, value) in [
        ("mode", r#""peer""#),
        ("listen/endpoints", "[]"),
        ("scouting/multicast/enabled", "false"),
        ("scouting/gossip/enabled", "false"),
    ] {
        config.insert_json5(key, value).unwrap();
    }
    zenoh_pinned_node::pubsub::open(config, &Pinner::host_only()).unwrap()
}

/// The command of a worker that serves with one of `engines`.
pub fn command(engine: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let test = format!("engines::{engine}");
    let arguments = [&test, "--exact", "--ignored", "--nocapture"].map(String::from);
    std::iter::once(program.to_str().unwrap().to_owned())
        .chain(arguments)
        .collect()
}

/// A pool whose workers serve with one of `engines`.
pub fn pool(name: &str, engine: &str) -> WorkersBuilder {
    Workers::builder(name)
        .command(command(engine))
        .deadline(SOON)
}

/// What `look` gives, as soon as it does.
pub fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < SOON, "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

pub fn stop(pid: u32) {
    signal(pid, rustix::process::Signal::STOP);
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    let _ = rustix::process::kill_process(pid, signal);
}

/// The same numbers each time (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) % bound
    }
}
