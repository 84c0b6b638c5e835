//! Where figures were taken: the parts of a machine that decide them.

mod device;
pub mod memory_nodes;

pub use device::Device;
use serde::{Deserialize, Serialize};
use zenoh_pinned::Pinner;
use zenoh_pinned_measuring::{
    machine,
    placement::{Half, of_half},
};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Environment {
    pub kernel: String,
    pub processor: String,
    pub processors: usize,
    /// Those that cameras ran on, and those that consumers did.
    pub cameras_on: Vec<usize>,
    pub consumers_on: Vec<usize>,
    /// NUMA nodes with their processors.
    pub numa_nodes: Vec<String>,
    pub memory_bytes: u64,
    /// Size of /dev/shm.
    pub shared_memory_bytes: u64,
    /// Whether shared memory gets huge pages, in the kernel's words.
    pub shared_huge_pages: String,
    /// Bytes that a process may lock, or "unlimited".
    pub lockable: String,
    pub build: String,
    pub device: Option<Device>,
}

pub fn read(pinner: &Pinner) -> Environment {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Memlock).current;
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |path: &str, key: &str| -> Option<String> {
        let text = text(path);
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let kibibytes = value("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kibibytes = kibibytes.split(' ').next().unwrap_or_default();
    let shared = rustix::fs::statvfs("/dev/shm");
    Environment {
        kernel: machine::system(),
        processor: value("/proc/cpuinfo", "model name").unwrap_or_default(),
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        cameras_on: of_half(Half::Producers).unwrap_or_default(),
        consumers_on: of_half(Half::Consumers).unwrap_or_default(),
        numa_nodes: numa_nodes(),
        memory_bytes: kibibytes.parse::<u64>().unwrap_or_default() << 10,
        shared_memory_bytes: shared.map_or(0, |shared| shared.f_blocks * shared.f_frsize),
        shared_huge_pages: machine::shared_huge_pages(),
        lockable: limit.map_or_else(|| String::from("unlimited"), |bytes| bytes.to_string()),
        build: machine::build().to_owned(),
        device: device::read(pinner),
    }
}

fn numa_nodes() -> Vec<String> {
    let Ok(folder) = std::fs::read_dir("/sys/devices/system/node") else {
        return Vec::new();
    };
    let mut nodes: Vec<_> = folder
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number: u32 = name.strip_prefix("node")?.parse().ok()?;
            let processors = std::fs::read_to_string(entry.path().join("cpulist")).ok()?;
            Some((number, format!("{name}: {}", processors.trim())))
        })
        .collect();
    nodes.sort();
    nodes.into_iter().map(|(_, text)| text).collect()
}

impl Environment {
    /// A few lines for people.
    pub fn text(&self) -> String {
        let mebibytes = |bytes: u64| bytes >> 20;
        let device = match &self.device {
            Some(device) => device.text(),
            None => String::from("none"),
        };
        format!(
            "{}, {}, {} processors (cameras on {:?}, consumers on {:?}), NUMA {}, {} MiB of memory, \
             /dev/shm {} MiB, shared huge pages {}, lockable {} bytes, {}\nDevice: {device}\n",
            self.kernel,
            self.processor,
            self.processors,
            self.cameras_on,
            self.consumers_on,
            self.numa_nodes.join("; "),
            mebibytes(self.memory_bytes),
            mebibytes(self.shared_memory_bytes),
            self.shared_huge_pages,
            self.lockable,
            self.build
        )
    }
}
