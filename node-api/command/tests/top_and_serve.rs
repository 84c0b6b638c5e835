//! `top` without a terminal, and `serve` from its first line to its end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::mpsc::channel,
    time::Duration,
};

use zenoh_pinned::PinnedPool;

/// Far more than any of this takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zenoh-pinned"));
    command.env_remove("RUST_LOG");
    command
}

#[test]
fn top_prints_once_where_there_is_no_terminal() {
    let name = format!("once {}", std::process::id());
    let pool = PinnedPool::builder().name(&name).slots(3).slot_bytes(4096);
    let pool = pool.build().unwrap();
    let _held = pool.alloc(4096).unwrap();
    for arguments in [&["top"][..], &["top", "--once"]] {
        let ran = command().args(arguments).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        let printed = String::from_utf8(ran.stdout).unwrap();
        let row = printed.lines().find(|line| line.starts_with(&name));
        let row = row.unwrap_or_else(|| panic!("{printed}"));
        assert!(
            row.contains("#..") && row.contains(&std::process::id().to_string()),
            "{row}"
        );
        assert!(!printed.contains('\x1b'));
    }
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let mut running = command()
        .args(["top", "--once"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(running.stdout.take());
    assert!(running.wait().unwrap().success());
}

/// A server that is killed with the test.
struct Serving {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Serving {
    fn start(arguments: &[&str]) -> Self {
        let mut command = command();
        command.arg("serve").args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Its address, out of the URL that it prints.
    fn address(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix('/'));
        address.unwrap_or_else(|| panic!("{line:?}")).to_owned()
    }

    /// Its exit code, once it has ended by itself.
    fn ended(mut self) -> Option<i32> {
        let (told, end) = channel();
        let pid = self.child.id() as i32;
        let waiting = std::thread::spawn(move || {
            let _ = told.send(self.child.wait().unwrap().code());
        });
        let code = end.recv_timeout(PATIENCE);
        if code.is_err() {
            // SAFETY: a child that nobody has waited for yet.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        waiting.join().unwrap();
        code.expect("it does not end")
    }

    fn signal(&self, signal: i32) {
        // SAFETY: a signal to a child that nobody has waited for yet.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }
}

/// The first line of the answer.
fn get(address: &str, path: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn serve_says_where_it_serves_the_page_and_ends_well_at_each_signal() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let mut serving = Serving::start(&["--address", "127.0.0.1:0"]);
        let address = serving.address();
        assert!(address.starts_with("127.0.0.1:"));
        for path in ["/", "/livez", "/metrics", "/api/stats"] {
            assert!(get(&address, path, &address).contains(" 200"), "{path}");
        }
        // A browser that keeps its connection is no reason to stay.
        let _kept = TcpStream::connect(&address).unwrap();
        serving.signal(signal);
        assert_eq!(serving.ended(), Some(0), "signal {signal}");
    }
}

#[test]
fn serve_answers_to_foreign_names_only_where_they_are_allowed() {
    let mut serving =
        Serving::start(&["--address", "127.0.0.1:0", "--allow-host", "robot.example"]);
    let address = serving.address();
    assert!(get(&address, "/livez", "robot.example").contains(" 200"));
    assert!(!get(&address, "/livez", "elsewhere.example").contains(" 200"));
    serving.signal(libc::SIGTERM);
    assert_eq!(serving.ended(), Some(0));
}

#[test]
fn an_address_that_is_taken_is_an_error_that_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = command()
        .args(["serve", "--address", &address])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains(&address) && said.contains("port 0"), "{said}");
}
