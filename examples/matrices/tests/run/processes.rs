//! The program as a process, its workers, and a disk that is soon full.

use std::{
    collections::BTreeMap,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::{
    mount::{MountFlags, UnmountFlags},
    process::{Pid, Signal},
};
use serde_json::Value;

/// A run that goes on. One that is dropped is killed.
pub struct Run {
    child: std::sync::Mutex<Child>,
    pid: u32,
    said: Vec<JoinHandle<String>>,
}

/// One that has ended.
pub struct Ended {
    pub is_well: bool,
    pub output: String,
    pub errors: String,
}

impl Ended {
    pub fn figures(&self) -> Value {
        serde_json::from_str(&self.output)
            .unwrap_or_else(|error| panic!("{error}: {}", self.output))
    }
}

impl Run {
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_matrices"));
        command.args(arguments).envs(environment.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let pipes: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        let read = |mut pipe: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        Self {
            pid: child.id(),
            child: child.into(),
            said: pipes.map(read).into(),
        }
    }

    /// Its worker processes.
    pub fn workers(&self) -> Vec<u32> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid));
        let tasks = tasks.into_iter().flatten().flatten();
        let children = tasks.map(|task| {
            let children = std::fs::read_to_string(task.path().join("children"));
            children.unwrap_or_default()
        });
        let children: Vec<String> = children.collect();
        let pids = children
            .iter()
            .flat_map(|pids| pids.split_ascii_whitespace());
        pids.filter_map(|pid| pid.parse().ok()).collect()
    }

    pub fn goes_on(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_none()
    }

    pub fn interrupt(&self) {
        signal(self.pid, Signal::INT);
    }

    /// Kills the pipeline itself.
    pub fn kill(self) {
        signal(self.pid, Signal::KILL);
        self.end();
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let status = self.child.lock().unwrap().wait().unwrap();
        let said = std::mem::take(&mut self.said);
        let mut said = said.into_iter().map(|said| said.join().unwrap());
        Ended {
            is_well: status.success(),
            output: said.next().unwrap(),
            errors: said.next().unwrap(),
        }
    }

    /// How many files of shared memory of such a size it has made.
    pub fn segments_of(&self, bytes: Range<u64>) -> usize {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid));
        let maps = maps.unwrap_or_default();
        let mut files: Vec<&str> = maps
            .lines()
            .filter(|line| line.contains("/dev/shm/"))
            .filter(|line| {
                let (start, rest) = line.split_once('-').unwrap();
                let (end, _) = rest.split_once(' ').unwrap();
                let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
                bytes.contains(&(end - start))
            })
            .filter_map(|line| line.split_ascii_whitespace().nth(4))
            .collect();
        files.sort_unstable();
        files.dedup();
        files.len()
    }

    /// Bytes of each process's own memory.
    pub fn memory(&self) -> BTreeMap<u32, u64> {
        let pids = self.workers().into_iter().chain([self.pid]);
        let own = |pid| zenoh_pinned::bindings::own_memory_of(pid).unwrap();
        pids.map(|pid| (pid, own(pid))).collect()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        if child.try_wait().unwrap().is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether it was there to be killed.
pub fn kill(pid: u32) -> bool {
    signal(pid, Signal::KILL)
}

fn signal(pid: u32, signal: Signal) -> bool {
    let pid = Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, signal).is_ok()
}

/// Waits until it is so.
pub fn until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
        std::thread::sleep(Duration::from_millis(5));
    }
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

/// A file system of so many bytes.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where none can be mounted, as without root.
    pub fn of_bytes(bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = std::ffi::CString::new(format!("size={bytes}")).unwrap();
        let mounted =
            rustix::mount::mount("tmpfs", folder.path(), "tmpfs", MountFlags::empty(), &*size);
        mounted.ok().map(|()| Self(folder))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn make_read_only(&self) {
        let flags = MountFlags::RDONLY;
        rustix::mount::mount_remount(self.path(), flags, c"").unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let path: PathBuf = self.path().into();
        rustix::mount::unmount(path, UnmountFlags::DETACH).unwrap();
    }
}
