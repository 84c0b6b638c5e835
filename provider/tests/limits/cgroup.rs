//! A memory cgroup of 96 MiB, as a container has: what fits works, and nobody is killed for the rest.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::*;

const LIMIT: u64 = 96 << 20;

/// A cgroup of this test, below the one that the test is in.
struct Cgroup {
    folder: PathBuf,
    is_version_1: bool,
}

impl Cgroup {
    /// `None` where this user may not make one, or where no hierarchy controls memory.
    fn make(name: &str) -> Option<Self> {
        let name = format!("zpin-{name}-{}", std::process::id());
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let of_version_1 = groups.lines().find_map(|line| line.split_once(":memory:"));
        let (folder, limit, is_version_1) = match of_version_1 {
            Some((_, path)) => {
                let top = Path::new("/sys/fs/cgroup/memory");
                (
                    top.join(path.trim_start_matches('/')),
                    "memory.limit_in_bytes",
                    true,
                )
            }
            // A group with processes controls nothing below it, so this one is made at the top.
            None => (PathBuf::from("/sys/fs/cgroup"), "memory.max", false),
        };
        let folder = folder.join(name);
        fs::create_dir(&folder).ok()?;
        let made = Self {
            folder,
            is_version_1,
        };
        fs::write(made.folder.join(limit), LIMIT.to_string()).ok()?;
        Some(made)
    }

    /// Runs a worker in it, `before` being a shell's words in front of the program.
    fn worker(&self, order: &str, before: &str) -> worker::Worker {
        let folder = self.folder.display();
        let mut command = Command::new("sh");
        let script = format!("echo $$ > {folder}/cgroup.procs && exec {before} \"$@\"");
        command.args(["-c", &script, "sh"]);
        command.arg(std::env::current_exe().unwrap());
        worker::orders_by(command, order)
            .with("CGROUP", self.folder.to_string_lossy())
            .start()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Those that have ended leave it a moment later.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_pool_beyond_the_memory_cgroup_is_refused_and_nobody_is_killed() {
    let Some(cgroup) = Cgroup::make("pool") else {
        eprintln!("SKIPPED: no memory cgroup can be made here");
        return;
    };
    let mut worker = cgroup.worker("cgroup::worker_in_96_mebibytes", "");
    let named = cgroup.folder.to_string_lossy().into_owned();
    assert_eq!(worker.line("cgroup "), named);
    worker.line("refused cleanly");
    worker.end_without_report();
}

#[test]
fn a_container_with_a_cgroup_namespace_finds_its_limit() {
    let Some(cgroup) = Cgroup::make("namespace").filter(|cgroup| cgroup.is_version_1) else {
        eprintln!("SKIPPED: no memory cgroup of version 1 can be made here");
        return;
    };
    let mount = "mount -t cgroup -o memory none /mnt && exec \"$@\"";
    let before = format!("unshare --cgroup --mount sh -c '{mount}' sh");
    let mut worker = cgroup.worker("cgroup::worker_in_96_mebibytes", &before);
    assert_eq!(worker.line("cgroup "), "/mnt");
    worker.line("refused cleanly");
    worker.end_without_report();
}

#[test]
#[ignore = "a worker of another test"]
fn worker_in_96_mebibytes() {
    let pool_of = |mebibytes: usize| {
        let builder = PinnedPool::builder().slots(4);
        builder.slot_bytes((mebibytes << 20) / 4).build()
    };
    let error = pool_of(256).unwrap_err();
    let PoolError::Segment(SegmentError::OverCgroup {
        cgroup,
        needed_bytes,
        limit_bytes: LIMIT,
        ..
    }) = &error
    else {
        panic!("{error}");
    };
    assert!(*needed_bytes > 256 << 20);
    println!("cgroup {cgroup}");
    let text = error.to_string();
    assert!(
        text.contains("--memory") && text.contains("96.0 MiB"),
        "{text}"
    );
    assert!(
        harness::shm::segments().is_empty(),
        "nothing is left of the attempt"
    );
    let pool = pool_of(32).unwrap();
    pool.alloc(8 << 20).unwrap().fill(1);
    // What is there counts, and what goes counts no more.
    let error = pool_of(60).unwrap_err();
    assert!(
        matches!(error, PoolError::Segment(SegmentError::OverCgroup { .. })),
        "{error}"
    );
    drop(pool);
    let pool = pool_of(60).unwrap();
    pool.alloc(15 << 20).unwrap().fill(1);
    drop(pool);
    // Page cache is no reason to refuse: the kernel drops it.
    let file = std::env::temp_dir().join(format!("zpin-cache-{}", std::process::id()));
    fs::write(&file, vec![1; 50 << 20]).unwrap();
    let written = fs::File::open(&file).unwrap();
    written.sync_all().unwrap();
    let pool = pool_of(50);
    fs::remove_file(&file).unwrap();
    pool.unwrap().alloc(12 << 20).unwrap().fill(1);
    println!("refused cleanly");
    worker::wait_for_end();
}

/// Several that ask at the same moment: each fits alone.
#[test]
fn pools_that_are_made_at_the_same_moment_kill_nobody_either() {
    let Some(cgroup) = Cgroup::make("together") else {
        eprintln!("SKIPPED: no memory cgroup can be made here");
        return;
    };
    let mut workers: Vec<_> = (0..3)
        .map(|_| cgroup.worker("cgroup::worker_that_asks_for_64_mebibytes", ""))
        .collect();
    for worker in &mut workers {
        worker.line("asked");
    }
    for mut worker in workers {
        worker.end_without_report();
    }
}

#[test]
#[ignore = "a worker of another test"]
fn worker_that_asks_for_64_mebibytes() {
    let mut refused = 0;
    for _ in 0..20 {
        match PinnedPool::builder().slots(4).slot_bytes(16 << 20).build() {
            Ok(pool) => pool.alloc(16 << 20).unwrap().fill(1),
            Err(PoolError::Segment(SegmentError::OverCgroup { .. })) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    println!("asked, and was refused {refused} times");
    worker::wait_for_end();
}
