//! A client that sends exactly what it is told, and sources that do what they are told.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use zenoh_pinned_observe::{Figures, LookError, Observer, ObserverBuilder, Serving, Source};

/// A watchdog: nothing that is answered takes this long.
pub const WATCHDOG: Duration = Duration::from_secs(60);

pub struct Answer {
    pub status: u16,
    /// In small letters.
    pub headers: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn has(&self, header: &str) -> bool {
        self.headers.lines().any(|line| line == header)
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WATCHDOG)).unwrap();
    stream.set_write_timeout(Some(WATCHDOG)).unwrap();
    stream
}

/// Sends a request's text as it is, and reads until the server closes.
pub fn send(address: SocketAddr, text: &str) -> Answer {
    let mut stream = connect(address);
    // Who is refused early may be cut off in the middle of it.
    let _ = stream.write_all(text.as_bytes());
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read);
    let answer = String::from_utf8(read).unwrap();
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{answer:?}"));
    let (first, headers) = head.split_once("\r\n").unwrap();
    Answer {
        status: first.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: headers.to_lowercase(),
        body: body.to_owned(),
    }
}

/// Asks as a browser on this machine does, with these header lines more.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &[&str]) -> Answer {
    let more: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let text =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{more}\r\n");
    send(address, &text)
}

pub fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, "GET", path, &[])
}

/// A source as a closure gives it, which is told how often it was looked at before.
struct Given<F> {
    name: &'static str,
    look: F,
    looks: Arc<AtomicU64>,
}

impl<F: Fn(u64) -> Result<Figures, LookError> + Send + Sync> Source for Given<F> {
    fn name(&self) -> &str {
        self.name
    }

    fn look(&self) -> Result<Figures, LookError> {
        (self.look)(self.looks.fetch_add(1, Ordering::Relaxed))
    }
}

pub fn given<F>(name: &'static str, look: F) -> Arc<dyn Source>
where
    F: Fn(u64) -> Result<Figures, LookError> + Send + Sync + 'static,
{
    let looks = Arc::default();
    Arc::new(Given { name, look, looks })
}

/// One that shows how often it was looked at, and the count.
pub fn counting() -> (Arc<dyn Source>, Arc<AtomicU64>) {
    let looks = Arc::<AtomicU64>::default();
    let source = Given {
        name: "counting",
        look: |looks| Ok(Figures::new(json!({ "looks": looks }))),
        looks: Arc::clone(&looks),
    };
    (Arc::new(source), looks)
}

/// A server at any free port.
pub fn builder() -> ObserverBuilder {
    Observer::builder().address(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

pub fn serve(sources: impl IntoIterator<Item = Arc<dyn Source>>) -> Serving {
    builder().sources(sources).serve().unwrap()
}
