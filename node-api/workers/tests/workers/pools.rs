//! Pools and sessions for these tests.

use std::time::Duration;

use zenoh::Session;
use zenoh_pinned::Pinner;
use zenoh_pinned_workers::{Workers, WorkersBuilder};

pub const SOON: Duration = Duration::from_secs(60);

/// How a session meets others.
pub enum Ends {
    Alone,
    Listens(String),
    Connects(String),
}

/// A session that nobody else finds.
pub fn session() -> Session {
    session_of(Ends::Alone)
}

pub fn session_of(ends: Ends) -> Session {
    let mut config = zenoh::Config::default();
    let (listen, connect) = match ends {
        Ends::Alone => (String::new(), String::new()),
        Ends::Listens(endpoint) => (format!("{endpoint:?}"), String::new()),
        Ends::Connects(endpoint) => (String::new(), format!("{endpoint:?}")),
    };
    for (key, value) in [
        ("mode", r#""peer""#),
        ("listen/endpoints", &format!("[{listen}]")),
        ("connect/endpoints", &format!("[{connect}]")),
        ("connect/timeout_ms", "30000"),
        ("scouting/multicast/enabled", "false"),
        ("scouting/gossip/enabled", "false"),
    ] {
        config.insert_json5(key, value).unwrap();
    }
    zenoh_pinned_node::pubsub::open(config, &Pinner::host_only()).unwrap()
}

/// Of a socket, for sessions of several processes.
pub struct Folder(std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("zpin-test-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn endpoint(&self) -> String {
        format!("unixsock-stream/{}/s", self.0.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// The command of a worker that serves with one of `engines`.
pub fn command(engine: &str) -> Vec<String> {
    command_of(&format!("engines::{engine}"))
}

/// The command of a process of one of the ignored tests.
pub fn command_of(test: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let arguments = [test, "--exact", "--ignored", "--nocapture"].map(String::from);
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
