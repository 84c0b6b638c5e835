//! Files as supervisors write them, and as nobody should.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use zenoh_pinned::bindings::line::Peer;

use super::{
    reading::observe_in,
    said::{BOUNDS, STATES},
    *,
};

/// A pool of two workers, one of which has failed.
pub(crate) fn said() -> SaidOfWorkers {
    let counts = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
        let counts = counts.iter().map(|(word, count)| ((*word).into(), *count));
        counts.collect()
    };
    let mut times = SaidTimes::default();
    times.buckets[4] = 90;
    times.buckets[BOUNDS.len()] = 1;
    times.sum = 12.5;
    let worker = SaidOfWorker {
        incarnation: 1,
        pid: Some(700),
        state: "processing".into(),
        batches: 1,
        answered: 91,
        shares_memory: true,
        placement: BTreeMap::from([("processors".into(), "0-3".into())]),
        ..Default::default()
    };
    let failed = SaidOfWorker {
        seat: 1,
        incarnation: 4,
        state: "failed".into(),
        restarts: 3,
        why_failed: Some("no such model".into()),
        ..Default::default()
    };
    SaidOfWorkers {
        name: "detector".into(),
        pid: 7,
        queued: 5,
        processing: 2,
        capacity: 64,
        longest_wait: 0.25,
        accepted: 100,
        answered: 91,
        refused: counts(&[("full", 8)]),
        failed: counts(&[("expired", 1), ("poisoned", 1)]),
        batches: 40,
        batched: 101,
        request_seconds: times.clone(),
        queue_seconds: times.clone(),
        batch_seconds: times,
        p99: Some(0.01),
        breaker: "closed".into(),
        breaker_opened: 2,
        wanted: 3,
        wanted_because: "predicted rate".into(),
        arrivals_per_second: 50.5,
        predicted_per_second: 60.0,
        pressure: "normal".into(),
        started: 5,
        ended: 4,
        evicted: counts(&[("wrong answer", 1)]),
        clients: 1,
        workers: vec![worker, failed],
        ..Default::default()
    }
}

/// A folder of its own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("observe-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Process 7 lives, 8 has ended.
    fn look(&self, later: Duration) -> ObservedWorkers {
        let has_ended = |peer: Peer| peer.pid == 8;
        observe_in(&self.0, &has_ended, SystemTime::now() + later).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn written() -> Value {
    serde_json::to_value(said()).unwrap()
}

#[test]
fn what_a_supervisor_writes_is_read_with_how_long_ago_that_was() {
    let folder = Folder::new("read");
    let mut newer = written();
    newer["a_field_of_a_later_version"] = json!(17);
    folder.write("7-70-1-detector.json", newer.to_string());
    let seen = folder.look(Duration::from_secs(3));
    assert_eq!((seen.unreadable, seen.left_out), (vec![], 0));
    assert_eq!(seen.pools[0].said, said());
    let supervisor = Peer {
        pid: 7,
        started: 70,
    };
    assert_eq!(seen.pools[0].supervisor, supervisor);
    assert!(seen.pools[0].silent >= Duration::from_secs(2));
}

#[test]
fn a_folder_that_nobody_has_made_is_empty_and_one_of_somebody_else_is_an_error() {
    let folder = Folder::new("folder");
    let look = |path: PathBuf| observe_in(&path, &|_| false, SystemTime::now());
    assert_eq!(
        look(folder.0.join("none")).unwrap(),
        ObservedWorkers::default()
    );
    let link = folder.0.join("link");
    symlink(&folder.0, &link).unwrap();
    let error = look(link).unwrap_err().to_string();
    assert_eq!(error, "another user has made it");
}

#[test]
fn what_an_ended_process_has_left_is_not_shown_and_after_a_minute_removed() {
    let folder = Folder::new("ended");
    let left = ["8-80-1-detector.json", "8-80-1-detector.new"];
    let left = left.map(|name| folder.write(name, written().to_string()));
    assert_eq!(folder.look(Duration::ZERO), ObservedWorkers::default());
    assert!(
        left.iter().all(|path| path.exists()),
        "another namespace's writes on"
    );
    assert_eq!(
        folder.look(Duration::from_secs(90)),
        ObservedWorkers::default()
    );
    assert!(!left.iter().any(|path| path.exists()));
}

#[test]
fn what_is_being_written_is_not_read() {
    let folder = Folder::new("new");
    folder.write("7-70-1-detector.new", "{");
    assert_eq!(
        folder.look(Duration::from_secs(90)),
        ObservedWorkers::default()
    );
    assert!(folder.0.join("7-70-1-detector.new").exists());
}

#[test]
fn what_makes_no_sense_is_named_and_hides_nothing_else() {
    let folder = Folder::new("hostile");
    folder.write("7-70-1-detector.json", written().to_string());
    folder.write("README", "no supervisor's");
    folder.write("7-71-1-long.json", vec![b' '; (1 << 20) + 1]);
    folder.write("7-72-1-cut.json", &written().to_string()[..100]);
    folder.write("7-73-1-other.json", written().to_string());
    folder.write("9-74-1-detector.json", written().to_string());
    folder.write("7-75-1-nested.json", "[".repeat(10_000));
    symlink("/etc/passwd", folder.0.join("7-76-1-detector.json")).unwrap();
    fs::create_dir(folder.0.join("7-77-1-detector.json")).unwrap();
    let pipe = folder.0.join("7-78-1-detector.json");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let seen = folder.look(Duration::ZERO);
    assert_eq!(seen.pools.len(), 1);
    let why = |name: &str| {
        let mut found = seen
            .unreadable
            .iter()
            .filter(|one| one.file.ends_with(name));
        found
            .next()
            .unwrap_or_else(|| panic!("{name}: {seen:?}"))
            .why
    };
    assert_eq!(seen.unreadable.len(), 9);
    assert!(why("README").contains("no name"));
    assert!(why("7-71-1-long.json").contains("longer"));
    for name in ["7-72-1-cut.json", "7-75-1-nested.json"] {
        assert!(why(name).contains("not what a supervisor"), "{name}");
    }
    for name in ["7-73-1-other.json", "9-74-1-detector.json"] {
        assert!(why(name).contains("another process or pool"), "{name}");
    }
    assert!(why("7-76-1-detector.json").contains("link"));
    for name in ["7-77-1-detector.json", "7-78-1-detector.json"] {
        assert!(why(name).contains("no ordinary file"), "{name}");
    }
}

#[test]
fn no_field_is_believed_that_no_supervisor_writes() {
    let doubled = BOUNDS.map(|bound| 2.0 * bound);
    let many: BTreeMap<_, _> = (0..30)
        .map(|at| (format!("a{}", "b".repeat(at)), 1))
        .collect();
    let crowd = vec![written()["workers"][0].clone(); 257];
    for (field, value, words) in [
        ("longest_wait", json!(-1.0), "below nothing"),
        ("p99", json!(-0.5), "below nothing"),
        ("arrivals_per_second", json!(null), "not what a supervisor"),
        ("queued", json!(-1), "not what a supervisor"),
        ("answered", json!(1e300), "not what a supervisor"),
        ("breaker", json!("ajar"), "does not know"),
        ("pressure", json!("<b>"), "does not know"),
        ("refused", json!({"a\"b": 1}), "no version has"),
        ("failed", json!(many), "no version has"),
        ("evicted", json!({"": 1}), "no version has"),
        ("workers", json!([{"state": "asleep"}]), "does not know"),
        ("workers", json!(crowd), "more workers"),
        (
            "request_seconds",
            json!({"bounds": [1.0], "buckets": [1, 2], "sum": 1.0}),
            "other bounds",
        ),
        (
            "request_seconds",
            json!({"bounds": doubled, "buckets": vec![0; 18], "sum": 1.0}),
            "other bounds",
        ),
        (
            "batch_seconds",
            json!({"bounds": BOUNDS, "buckets": [1], "sum": 1.0}),
            "other bounds",
        ),
        (
            "queue_seconds",
            json!({"bounds": BOUNDS, "buckets": vec![0; 18], "sum": -1.0}),
            "below nothing",
        ),
    ] {
        let mut hostile = written();
        hostile[field] = value;
        let why = said::read(hostile.to_string().as_bytes(), 7, "detector").unwrap_err();
        assert!(why.contains(words), "{field}: {why}");
    }
    for name in ["", "a b", "a/b", "é", &"x".repeat(65)] {
        let mut hostile = written();
        hostile["name"] = json!(name);
        let why = said::read(hostile.to_string().as_bytes(), 7, name).unwrap_err();
        assert!(why.contains("no pool can have"), "{name}");
    }
    let endless = written().to_string().replace("0.25", "1e999");
    assert!(said::read(endless.as_bytes(), 7, "detector").is_err());
}

#[test]
fn long_texts_are_cut_and_tamed() {
    let mut talkative = written();
    talkative["not_ready"] = json!("ä\n".repeat(1000));
    talkative["workers"][1]["why_failed"] = json!("\u{1b}[2J".repeat(1000));
    let placement = (0..20).map(|at| (format!("fact {at} {}", "x".repeat(500)), "y".repeat(500)));
    talkative["workers"][0]["placement"] = json!(placement.collect::<BTreeMap<_, _>>());
    let read = said::read(talkative.to_string().as_bytes(), 7, "detector").unwrap();
    let not_ready = read.not_ready.unwrap();
    assert!(
        not_ready.len() <= 256 && !not_ready.contains('\n'),
        "{not_ready}"
    );
    let why = read.workers[1].why_failed.as_ref().unwrap();
    assert!(why.len() <= 256 && !why.contains('\u{1b}'), "{why}");
    let placement = &read.workers[0].placement;
    assert!(placement.len() <= 8);
    assert!(
        placement
            .iter()
            .all(|(what, is)| what.len() <= 32 && is.len() <= 64)
    );
}

#[test]
fn every_state_of_a_worker_can_be_read() {
    for state in STATES {
        let mut one = written();
        one["workers"][0]["state"] = json!(state);
        said::read(one.to_string().as_bytes(), 7, "detector").unwrap();
    }
}
