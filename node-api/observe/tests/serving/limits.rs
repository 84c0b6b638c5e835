//! Clients that are too many, too slow, or too long-winded.

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpSocket, net::TcpStream};
use zenoh_pinned_observe::Figures;

use crate::client::{WATCHDOG, connect, counting, get, given, send, serve};

/// Of the server; see its notes.
const CONNECTIONS: usize = 128;
const SOCKETS: usize = 32;

#[test]
fn a_thousand_silent_connections_cost_a_hundred_and_pass() {
    // Both ends are in this process, and many machines give one a thousand descriptors.
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).unwrap();
    let (counting, _) = counting();
    let serving = serve([counting]);
    let address = serving.address();
    let mut silent: Vec<_> = (0..1000).map(|_| connect(address)).collect();
    // All but as many as there are places for have been told so.
    let mut told = 0;
    for stream in &mut silent {
        stream
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        told += usize::from(answer.starts_with("HTTP/1.1 503 "));
    }
    assert!(told >= 1000 - CONNECTIONS, "{told} were told");
    // The silent ones are let go after a while, without a word from them.
    let deadline = Instant::now() + WATCHDOG;
    while send(
        address,
        &format!("GET /livez HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"),
    )
    .status
        != 200
    {
        assert!(Instant::now() < deadline, "they are never let go");
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(silent);
}

#[test]
fn a_header_that_never_ends_is_let_go() {
    let serving = serve([]);
    let address = serving.address();
    let mut stream = connect(address);
    stream
        .write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\n").as_bytes())
        .unwrap();
    let deadline = Instant::now() + WATCHDOG;
    // A letter every now and then does not help.
    while stream.write_all(b"X").is_ok() {
        assert!(Instant::now() < deadline, "it is never let go");
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn a_header_too_long_or_of_too_many_is_refused() {
    let serving = serve([]);
    let address = serving.address();
    let long = format!("X: {}\r\n", "x".repeat(64 << 10));
    let many: String = (0..100)
        .map(|number| format!("X-{number}: 1\r\n"))
        .collect();
    for headers in [long, many] {
        let answer = send(
            address,
            &format!("GET / HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n"),
        );
        assert_eq!(answer.status, 431);
    }
    assert_eq!(get(address, "/livez").status, 200);
}

#[test]
fn a_body_is_not_read() {
    let serving = serve([]);
    let address = serving.address();
    let mut stream = connect(address);
    let head =
        format!("GET /livez HTTP/1.1\r\nHost: {address}\r\nContent-Length: 1000000000\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut sent = 0;
    while sent < 1_000_000_000 && stream.write_all(&[0; 1 << 16]).is_ok() {
        sent += 1 << 16;
    }
    assert!(sent < 100_000_000, "the connection takes {sent} bytes");
}

/// Opens a socket that takes a few kilobytes and then nothing.
async fn slow(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// What is answered to one more socket.
async fn one_more(address: SocketAddr) -> String {
    let stream = slow(address).await;
    stream.readable().await.unwrap();
    let mut first = [0; 12];
    let read = stream.try_read(&mut first).unwrap();
    String::from_utf8(first[..read].to_vec()).unwrap()
}

#[tokio::test]
async fn browsers_that_stand_still_hold_up_nobody_and_are_let_go() {
    let large = given("large", |_| {
        Ok(Figures::new(json!(["x".repeat(900 << 10)])))
    });
    let serving = serve([large]);
    let address = serving.address();
    let mut still = Vec::new();
    for _ in 0..SOCKETS {
        still.push(slow(address).await);
    }
    for stream in &still {
        stream.readable().await.unwrap();
    }
    assert_eq!(one_more(address).await, "HTTP/1.1 503");
    let answer = tokio::task::spawn_blocking(move || get(address, "/api/stats"))
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    let deadline = Instant::now() + WATCHDOG;
    while one_more(address).await != "HTTP/1.1 101" {
        assert!(Instant::now() < deadline, "they are never let go");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(still);
}

#[test]
fn whoever_takes_no_answer_is_let_go() {
    let large = given("large", |_| {
        Ok(Figures::new(json!(["x".repeat(900 << 10)])))
    });
    let serving = serve([large]);
    let address = serving.address();
    // Many answers asked for in one go, of which none is taken.
    let mut stream = connect(address);
    let request = format!("GET /api/stats HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let deadline = Instant::now() + WATCHDOG;
    while stream.write_all(request.as_bytes()).is_ok() {
        assert!(Instant::now() < deadline, "it is never let go");
        std::thread::sleep(Duration::from_millis(20));
    }
}
