//! Sessions on unix sockets, and this program as another process.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use zenoh::{Session, Wait, pubsub::Publisher, qos::CongestionControl, shm::ShmClientStorage};
use zenoh_pinned_measuring::session;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A fresh endpoint.
pub(crate) fn endpoint() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("transport-bench-{}-{count}.sock", std::process::id());
    format!(
        "unixsock-stream/{}",
        std::env::temp_dir().join(name).display()
    )
}

pub(crate) fn listen(endpoint: &str) -> Result<Session, Error> {
    session::open(&[endpoint], &[], None)
}

/// Connects, with these shared-memory clients or, without any, with fresh ones of zenoh's own: its
/// global ones would keep a segment attached from one measurement to the next.
pub(crate) fn connect(
    endpoint: &str,
    clients: Option<Arc<ShmClientStorage>>,
) -> Result<Session, Error> {
    let stock = || {
        Arc::new(
            ShmClientStorage::builder()
                .with_default_client_set()
                .build(),
        )
    };
    session::open(&[], &[endpoint], Some(clients.unwrap_or_else(stock)))
}

/// A publisher that blocks rather than drops, once somebody listens.
pub(crate) fn publisher(session: &Session, key: &str) -> Result<Publisher<'static>, Error> {
    let publisher = session
        .declare_publisher(key.to_owned())
        .congestion_control(CongestionControl::Block)
        .express(true)
        .wait()?;
    while !publisher.matching_status().wait()?.matching() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(publisher)
}

/// Another process of this program; it ends when this is dropped, by the end of its input.
pub(crate) struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(arguments: &[&str]) -> Result<Self, Error> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the child has no output")?;
        Ok(Self {
            input: child.stdin.take(),
            lines: BufReader::new(output),
            child,
        })
    }

    /// The numbers on the next line.
    pub(crate) fn numbers(&mut self) -> Result<Vec<u64>, Error> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Err("the other process has ended".into());
        }
        Ok(line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// In the other process: waits for the end of its input.
pub(crate) fn wait_for_end() {
    let mut rest = String::new();
    while std::io::stdin()
        .read_line(&mut rest)
        .is_ok_and(|read| read > 0)
    {}
}
