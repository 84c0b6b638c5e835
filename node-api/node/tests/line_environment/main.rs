//! Surroundings in which a line can be had, and in which it cannot: then zenoh brings the frames and a reason says why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../line_kills/worker.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod worker;

use std::{fs, io::Write, os::unix::process::CommandExt, process::Command};

use worker::{PATIENCE, Worker, config, end_of_input, eventually, order};
use zenoh::Session;
use zenoh_pinned::{FallbackReason, Pinner};
use zenoh_pinned_node::pubsub::{self, FrameSubscriber, NoLine, PinnedPublisher};

const FRAMES: u64 = 20;

/// Sessions of one process, of which the second one meets the first.
fn sessions() -> (Session, Session) {
    let endpoint = endpoint();
    let pinner = Pinner::host_only();
    let publishing = pubsub::open(config(std::slice::from_ref(&endpoint), &[]), &pinner).unwrap();
    (
        publishing,
        pubsub::open(config(&[], &[endpoint]), &pinner).unwrap(),
    )
}

fn endpoint() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("tcp/{}", port.local_addr().unwrap())
}

fn put(publisher: &PinnedPublisher, number: u64) {
    let mut slot = publisher.alloc(8).unwrap();
    slot.copy_from_slice(&number.to_le_bytes());
    publisher.put(slot).unwrap();
}

fn recv(frames: &FrameSubscriber) -> u64 {
    let received = frames.recv_timeout(PATIENCE).unwrap();
    u64::from_le_bytes(received.frame[..].try_into().unwrap())
}

/// This binary, run by a shell script in a mount namespace of its own.
fn in_mounts_of_its_own(script: &str) -> Command {
    by(&["unshare", "--mount", "sh", "-c", script, "sh"])
}

fn by(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command.arg(std::env::current_exe().unwrap());
    command
}

fn is_root() -> bool {
    // SAFETY: asks who this process runs as.
    unsafe { libc::geteuid() == 0 }
}

/// What a publisher says of a subscriber in these surroundings, which gets every frame by zenoh.
fn reason_of_subscriber(command: Command) -> NoLine {
    let endpoint = endpoint();
    let session = pubsub::open(
        config(std::slice::from_ref(&endpoint), &[]),
        &Pinner::host_only(),
    );
    let session = session.unwrap();
    let publisher = PinnedPublisher::builder(64).wait(PATIENCE);
    let publisher = publisher.declare(&session, "elsewhere").unwrap();
    let orders = [("ENDPOINT", endpoint)];
    let mut subscriber = Worker::start_by(
        command,
        "elsewhere",
        "worker_that_receives_elsewhere",
        &orders,
    );
    subscriber.line("declared");
    let mut reason = None;
    eventually("a reason", || {
        let lines = publisher.lines();
        reason = lines.first().map(|line| line.reason.clone());
        reason.is_some()
    });
    for number in 0..FRAMES {
        put(&publisher, number);
        assert_eq!(subscriber.line("got "), number.to_string());
    }
    subscriber.end();
    publisher.drain(PATIENCE).unwrap();
    reason.unwrap().expect("no line")
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_receives_elsewhere() {
    let pinner = Pinner::host_only();
    let session = pubsub::open(config(&[], &[order("ENDPOINT")]), &pinner).unwrap();
    let frames = FrameSubscriber::builder(&pinner)
        .capacity(32)
        .declare(&session, "elsewhere")
        .unwrap();
    assert_eq!(frames.no_line(), None, "it has an inbox of its own");
    println!("declared");
    let ended = end_of_input();
    for _ in 0..FRAMES {
        println!("got {}", recv(&frames));
    }
    assert!(frames.lines().is_empty());
    eventually("the end", || {
        ended.load(std::sync::atomic::Ordering::Relaxed)
    });
    drop(frames);
    println!("summary well");
}

#[test]
fn a_subscriber_with_a_shared_memory_folder_of_its_own_is_reached_by_zenoh() {
    let command = in_mounts_of_its_own("mount -t tmpfs tmpfs /dev/shm && exec \"$@\"");
    assert_eq!(reason_of_subscriber(command), NoLine::OtherSharedMemory);
}

#[test]
fn a_subscriber_in_another_pid_namespace_is_reached_by_zenoh() {
    let unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    assert_eq!(
        reason_of_subscriber(by(&unshare)),
        NoLine::OtherPidNamespace
    );
}

#[test]
fn a_subscriber_of_another_user_is_reached_by_zenoh() {
    if !is_root() {
        println!("skipped: only root can run another user's process");
        return;
    }
    // A copy that the other user may run.
    let program = std::env::temp_dir().join(format!("zpin-other-user-{}", std::process::id()));
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(&program);
    let reason = reason_of_subscriber(command);
    fs::remove_file(program).unwrap();
    assert_eq!(reason, NoLine::OtherUser { user: 65534 });
}

#[test]
fn where_shared_memory_is_full_a_subscriber_works_by_zenoh_and_says_why() {
    let script = "mount -t tmpfs -o size=64m tmpfs /dev/shm && exec \"$@\"";
    let command = in_mounts_of_its_own(script);
    let mut worker = Worker::start_by(command, "full", "worker_where_it_is_full", &[]);
    println!("{}", worker.end());
}

#[test]
#[ignore = "a worker of another test"]
fn worker_where_it_is_full() {
    let (publishing, receiving) = sessions();
    let publisher = PinnedPublisher::builder(64).wait(PATIENCE);
    let publisher = publisher.declare(&publishing, "full").unwrap();
    put(&publisher, 0);
    let mut filler = fs::File::create("/dev/shm/of-somebody-else").unwrap();
    while filler.write_all(&[1; 4096]).is_ok() {}
    let frames = FrameSubscriber::builder(&Pinner::host_only())
        .capacity(32)
        .declare(&receiving, "full")
        .unwrap();
    let reason = frames.no_line().cloned().unwrap();
    assert!(
        matches!(&reason, NoLine::Inbox { detail } if detail.contains("--shm-size")),
        "{reason}"
    );
    let mut number = 1;
    eventually("frames by zenoh", || {
        put(&publisher, number);
        number += 1;
        frames
            .recv_timeout(std::time::Duration::from_millis(20))
            .is_ok()
    });
    put(&publisher, 7777);
    eventually("the last one", || recv(&frames) == 7777);
    assert!(publisher.lines().is_empty());
    // Room again: the next subscriber has a line.
    drop(filler);
    fs::remove_file("/dev/shm/of-somebody-else").unwrap();
    let late = FrameSubscriber::builder(&Pinner::host_only())
        .declare(&receiving, "full")
        .unwrap();
    eventually("a line", || {
        publisher.lines().iter().any(|line| line.is_open())
    });
    put(&publisher, 8888);
    eventually("by the line", || recv(&late) == 8888);
    println!("summary {reason}");
}

#[test]
fn under_64_kib_of_lockable_memory_frames_come_by_zenoh_and_the_pool_says_why() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    // SAFETY: only system calls that are safe between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit {
                rlim_cur: 64 << 10,
                rlim_max: 64 << 10,
            };
            const CAP_IPC_LOCK: libc::c_ulong = 14;
            libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit);
            // Out of the bounding set, so that the program does not get it back by being root's.
            libc::prctl(libc::PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0);
            Ok(())
        });
    }
    let mut worker = Worker::start_by(command, "limited", "worker_without_lockable_memory", &[]);
    worker.end();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_without_lockable_memory() {
    let (publishing, receiving) = sessions();
    let frames = FrameSubscriber::builder(&Pinner::host_only())
        .capacity(4096)
        .declare(&receiving, "limited")
        .unwrap();
    let publisher = PinnedPublisher::builder(1 << 20).wait(PATIENCE);
    let publisher = publisher.alone().declare(&publishing, "limited").unwrap();
    // zenoh would lock such a pool in each process that reads it: there is none, and hence no line.
    assert!(
        matches!(
            publisher.pool().reason(),
            Some(FallbackReason::LockedMemoryLimit { .. })
        ),
        "{:?}",
        publisher.pool().reason()
    );
    eventually("a subscriber", || {
        put(&publisher, 0);
        frames
            .recv_timeout(std::time::Duration::from_millis(20))
            .is_ok()
    });
    while frames.try_recv().is_ok() {}
    for number in 1..FRAMES {
        put(&publisher, number);
        assert_eq!(recv(&frames), number);
    }
    assert!(publisher.lines().is_empty() && frames.lines().is_empty());
    println!("summary well");
}

#[test]
fn a_forked_child_has_neither_end_and_its_parent_keeps_both() {
    let mut worker = Worker::start("forking", "worker_that_forks", &[]);
    worker.end();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_forks() {
    let (publishing, receiving) = sessions();
    let frames = FrameSubscriber::builder(&Pinner::host_only())
        .declare(&receiving, "forked")
        .unwrap();
    let publisher = PinnedPublisher::builder(64).wait(PATIENCE);
    let publisher = publisher.declare(&publishing, "forked").unwrap();
    eventually("a line", || {
        publisher.lines().iter().any(|line| line.is_open())
    });
    (0..2).for_each(|number| put(&publisher, number));
    // SAFETY: the child runs code that is to work in a forked child.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let is_told = matches!(frames.recv(), Err(pubsub::ReceiveError::Forked))
            && frames.lines().is_empty()
            && publisher.lines().is_empty()
            && publisher.alloc(8).is_err();
        drop((frames, publisher));
        // SAFETY: ends the child, without exit handlers: zenoh's wait for locks that its threads held at the fork.
        unsafe { libc::_exit(i32::from(!is_told)) };
    }
    let mut status = 0;
    eventually("the child hangs", || {
        // SAFETY: asks about the child of this process.
        unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) == child }
    });
    assert_eq!(status, 0, "the child failed");
    put(&publisher, 2);
    for number in 0..3 {
        assert_eq!(recv(&frames), number);
    }
    assert_eq!(publisher.lines().len(), 1);
    println!("summary well");
}
