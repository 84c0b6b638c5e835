//! Clients and workers of other processes and sessions, and a supervisor that is killed.

use std::{
    process::{Child, Command},
    time::{Duration, Instant},
};

use zenoh_pinned::Pinner;
use zenoh_pinned_workers::{
    ConnectError, Payload, PendingAnswer, RequestError, Worker, WorkersClient,
};

use crate::{
    engines::place_of,
    pools::{Ends, Folder, SOON, command_of, kill, pool, session_of, until},
};

/// Runs a command with shared memory of its own, as on another host.
const ELSEWHERE: [&str; 6] = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs tmpfs /dev/shm && exec \"$@\"",
    "sh",
];

/// A process of one of the ignored tests, run by another command where one is given.
fn started(test: &str, folder: &Folder, by: &[&str]) -> Child {
    let mut command = by
        .iter()
        .map(|word| (*word).to_owned())
        .chain(command_of(test));
    let mut process = Command::new(command.next().unwrap());
    process
        .args(command)
        .env("TEST_ENDPOINT", folder.endpoint());
    process.spawn().unwrap()
}

/// A supervisor in a process of its own, which listens at this endpoint.
fn supervisor(folder: &Folder, engine: &str) -> Child {
    let test = format!("clients::supervises_{engine}");
    started(&test, folder, &[])
}

/// Supervises until it is killed.
fn supervise(engine: &str) {
    let session = session_of(Ends::Listens(std::env::var("TEST_ENDPOINT").unwrap()));
    let _workers = pool("remote", engine).range(2..=2).build(&session).unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
#[ignore = "the process of a supervisor"]
fn supervises_echo() {
    supervise("echo");
}

#[test]
#[ignore = "the process of a supervisor"]
fn supervises_place() {
    supervise("place");
}

#[test]
#[ignore = "the process of a supervisor"]
fn supervises_slow() {
    supervise("slow");
}

#[test]
#[ignore = "the process of a supervisor"]
fn supervises_inverts() {
    supervise("inverts");
}

fn connected(folder: &Folder) -> (zenoh::Session, WorkersClient) {
    let session = session_of(Ends::Connects(folder.endpoint()));
    let client = WorkersClient::connect(&session, "remote", SOON).unwrap();
    (session, client)
}

#[test]
fn a_client_of_another_process_is_answered_without_a_copy() {
    let folder = Folder::new("client");
    let mut supervisor = supervisor(&folder, "place");
    let (_session, client) = connected(&folder);
    assert!(client.shares_memory());
    for bytes in [8192, 8_294_400] {
        let mut slot = client.alloc(bytes).unwrap();
        slot.fill(1);
        let place = place_of(&slot);
        let answer = client.request(slot).send().wait().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), place);
    }
    let pending: Vec<_> = (0..500)
        .map(|_| client.request(vec![1; 5000]).send())
        .collect();
    let answered = pending.into_iter().map(PendingAnswer::wait);
    assert_eq!(answered.filter(Result::is_ok).count(), 500);
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
}

#[test]
fn an_answer_is_written_into_the_slot_of_a_client() {
    let folder = Folder::new("lending");
    let mut supervisor = supervisor(&folder, "inverts");
    let (_session, client) = connected(&folder);
    let slot = client.alloc(1 << 20).unwrap();
    let place = place_of(&slot);
    let mut frame = client.alloc(1 << 20).unwrap();
    frame.fill(1);
    let answer = client.request(frame).answer_in(slot).send().wait().unwrap();
    assert_eq!((answer.len(), answer[0]), ((1 << 20) - 1, !1));
    assert_eq!((place_of(&answer), answer[answer.len() - 1]), (place, 1));
    assert_eq!(answer.attachment(), b"inverted");
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
}

#[test]
fn when_the_supervisor_is_killed_its_clients_know_within_a_second_and_its_workers_end() {
    let folder = Folder::new("killed");
    let mut supervisor = supervisor(&folder, "slow");
    let (_session, client) = connected(&folder);
    assert!(client.request("0").send().wait().is_ok());
    let pending: Vec<_> = (0..10).map(|_| client.request("60000").send()).collect();
    let children = || {
        let children =
            std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", supervisor.id()));
        // Of any thread of it.
        let tasks = std::fs::read_dir(format!("/proc/{}/task", supervisor.id()))
            .unwrap()
            .flatten();
        let all =
            tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        let all: String = all.chain(children.ok()).collect();
        let all: std::collections::BTreeSet<u32> =
            all.split_whitespace().flat_map(str::parse).collect();
        (all.len() == 2).then_some(all)
    };
    let children = until(children);
    supervisor.kill().unwrap();
    let killed = Instant::now();
    for pending in pending {
        assert_eq!(pending.wait(), Err(RequestError::SupervisorGone));
    }
    println!("known after {:?}", killed.elapsed());
    assert!(client.is_gone());
    assert_eq!(
        client.request("0").send().wait(),
        Err(RequestError::SupervisorGone)
    );
    supervisor.wait().unwrap();
    until(|| {
        let mut left = children.iter().filter(|pid| lives(**pid));
        left.next().is_none().then_some(())
    });
}

fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[test]
fn a_supervisor_that_stands_still_costs_a_client_its_deadline() {
    let folder = Folder::new("stopped");
    let mut supervisor = supervisor(&folder, "echo");
    let (_session, client) = connected(&folder);
    assert!(client.request("here").send().wait().is_ok());
    crate::pools::stop(supervisor.id());
    let pending = client
        .request("late")
        .deadline(Duration::from_millis(300))
        .send();
    assert_eq!(pending.wait(), Err(RequestError::Expired));
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
}

#[test]
fn a_client_that_is_killed_costs_nothing() {
    let folder = Folder::new("clientless");
    let session = session_of(Ends::Listens(folder.endpoint()));
    let workers = pool("remote", "slow").range(1..=1).build(&session).unwrap();
    let mut client = started("clients::asks", &folder, &[]);
    until(|| (workers.statistics().accepted == 5).then_some(()));
    kill(client.id());
    client.wait().unwrap();
    until(|| (workers.statistics().clients == 0).then_some(()));
    // What it has asked for is not served any more, but for what a worker had.
    assert!(workers.request("0").send().wait().is_ok());
    assert!(
        workers.statistics().batched <= 2,
        "{:?}",
        workers.statistics()
    );
}

/// As on another host: its shared memory is not the supervisor's.
#[test]
fn a_worker_without_this_hosts_shared_memory_is_sent_the_bytes() {
    let folder = Folder::new("elsewhere");
    let session = session_of(Ends::Listens(folder.endpoint()));
    let workers = zenoh_pinned_workers::Workers::builder("remote")
        .range(0..=1)
        .build(&session)
        .unwrap();
    let mut worker = started("clients::echoes_elsewhere", &folder, &ELSEWHERE);
    for bytes in [3, 5000, 8_294_400] {
        let mut slot = workers.alloc(bytes).unwrap();
        slot.fill(bytes as u8);
        let answer = workers.request(slot).send().wait().unwrap();
        assert!(!answer.is_shared() && answer.len() == bytes);
        assert!(answer.iter().all(|byte| *byte == bytes as u8), "{bytes}");
    }
    assert!(!workers.statistics().workers[0].shares_memory);
    drop(workers);
    assert!(worker.wait().is_ok(), "it was asked to leave");
}

#[test]
#[ignore = "the process of a worker that joins"]
fn echoes_elsewhere() {
    let pinner = Pinner::host_only();
    let session = session_of(Ends::Connects(std::env::var("TEST_ENDPOINT").unwrap()));
    let worker = Worker::join(&session, "remote", &pinner).unwrap();
    let served = worker.serve(|batch| {
        batch
            .iter()
            .map(|request| Ok(request.payload.clone()))
            .collect()
    });
    served.unwrap();
}

/// Asks for five answers and never gets them.
#[test]
#[ignore = "the process of a client"]
fn asks() {
    let session = session_of(Ends::Connects(std::env::var("TEST_ENDPOINT").unwrap()));
    let client = WorkersClient::connect(&session, "remote", SOON).unwrap();
    let _pending: Vec<_> = (0..5).map(|_| client.request("500").send()).collect();
    loop {
        std::thread::park();
    }
}

#[test]
fn nobody_of_that_name_is_an_error_that_says_so() {
    let folder = Folder::new("nobody");
    let _session = session_of(Ends::Listens(folder.endpoint()));
    let session = session_of(Ends::Connects(folder.endpoint()));
    let error = WorkersClient::connect(&session, "nobody", Duration::from_millis(200)).unwrap_err();
    assert!(
        matches!(error, ConnectError::NoSupervisor { .. }),
        "{error}"
    );
}

#[test]
fn a_worker_that_nobody_here_has_started_joins_and_leaves() {
    let folder = Folder::new("joining");
    let session = session_of(Ends::Listens(folder.endpoint()));
    let workers = zenoh_pinned_workers::Workers::builder("remote")
        .range(0..=1)
        .build(&session)
        .unwrap();
    let start = || started("clients::joins", &folder, &[]);
    let mut worker = start();
    let mut slot = workers.alloc(1 << 20).unwrap();
    slot.fill(4);
    let place = place_of(&slot);
    let answer = workers.request(slot).send().wait().unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), place);
    // It could write in a slot long after it was given up.
    let slot = workers.alloc(1 << 20).unwrap();
    let answer = workers.request("lend").answer_in(slot).send().wait();
    assert_eq!(&answer.unwrap()[..], b"own");
    kill(worker.id());
    worker.wait().unwrap();
    until(|| (workers.statistics().ended == 1).then_some(()));
    let pending = workers.request("x").send();
    let mut worker = start();
    assert!(pending.wait().is_ok());
    drop(workers);
    assert!(worker.wait().is_ok(), "it was asked to leave");
}

#[test]
fn a_joined_worker_that_hangs_gives_back_what_it_had_and_leaves_its_session_open() {
    let folder = Folder::new("hanging");
    let session = session_of(Ends::Listens(folder.endpoint()));
    let workers = zenoh_pinned_workers::Workers::builder("remote").range(0..=1);
    let workers = workers
        .answer_within(Duration::from_millis(300))
        .build(&session)
        .unwrap();
    let mut worker = started("clients::hangs_once", &folder, &[]);
    assert_eq!(
        workers.request("hang").send().wait(),
        Ok(Payload::from("served"))
    );
    drop(workers);
    assert!(worker.wait().unwrap().success());
}

/// Hangs in its first batch for a second, leaves as it is asked to, and joins again by the same session.
#[test]
#[ignore = "the process of a worker that joins"]
fn hangs_once() {
    let pinner = Pinner::host_only();
    let session = session_of(Ends::Connects(std::env::var("TEST_ENDPOINT").unwrap()));
    for hang in [Duration::from_secs(1), Duration::ZERO] {
        let worker = Worker::join(&session, "remote", &pinner).unwrap();
        let served = worker.serve(|batch| {
            std::thread::sleep(hang);
            batch.iter().map(|_| Ok(Payload::from("served"))).collect()
        });
        served.unwrap();
    }
}

/// As on another host.
#[test]
fn a_client_without_this_hosts_shared_memory_is_served_however_long_its_requests_are() {
    let folder = Folder::new("afar");
    let session = session_of(Ends::Listens(folder.endpoint()));
    let workers = pool("remote", "echo")
        .range(2..=2)
        .batch(8, Duration::ZERO)
        .build(&session)
        .unwrap();
    let mut client = started("clients::asks_from_afar", &folder, &ELSEWHERE);
    assert!(client.wait().unwrap().success());
    assert_eq!(workers.statistics().answered, 63);
}

#[test]
#[ignore = "the process of a client"]
fn asks_from_afar() {
    let session = session_of(Ends::Connects(std::env::var("TEST_ENDPOINT").unwrap()));
    let client = WorkersClient::connect(&session, "remote", SOON).unwrap();
    assert!(!client.shares_memory());
    let lengths = [1_usize, 4096, 5000, 100_000, 700_000, 3_000_000];
    let all = lengths.into_iter().cycle().take(60).chain([8_294_400; 3]);
    let pending: Vec<_> = all
        .map(|bytes| {
            (
                bytes,
                client
                    .request(vec![bytes as u8; bytes])
                    .attachment(vec![1; 1024])
                    .send(),
            )
        })
        .collect();
    for (bytes, pending) in pending {
        let answer = pending.wait().unwrap();
        assert!(
            answer.len() == bytes && answer.iter().all(|byte| *byte == bytes as u8),
            "{bytes}"
        );
    }
}

#[test]
fn many_requests_with_long_attachments_and_answers_leave_in_several_messages() {
    let folder = Folder::new("many");
    let mut supervisor = supervisor(&folder, "echo");
    let (_session, client) = connected(&folder);
    let client = &client;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                let request = |_| {
                    client
                        .request(vec![3; 4096])
                        .attachment(vec![1; 1024])
                        .send()
                };
                let pending: Vec<_> = (0..100).map(request).collect();
                assert!(pending.into_iter().all(|pending| pending.wait().is_ok()));
            });
        }
    });
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
}

#[test]
#[ignore = "the process of a worker that joins"]
fn joins() {
    let pinner = Pinner::host_only();
    let session = session_of(Ends::Connects(std::env::var("TEST_ENDPOINT").unwrap()));
    let worker = Worker::join(&session, "remote", &pinner).unwrap();
    let place = |payload: &Payload| place_of(if payload.len() > 9 { payload } else { b"1" });
    let served = worker.serve(|batch| {
        let answers = batch.iter().map(|request| {
            let said = match request.answer_slot() {
                Some(slot) if slot.is_shared() => "lent".to_owned(),
                Some(_) => "own".to_owned(),
                None => place(&request.payload),
            };
            Ok(Payload::from(said.as_str()))
        });
        answers.collect()
    });
    served.unwrap();
}
