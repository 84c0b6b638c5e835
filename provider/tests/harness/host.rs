//! A host of its own, as far as shared memory goes: a mount namespace with its own `/dev/shm`.
//!
//! With `ZENOH_PINNED_TEST_HOST=shared` a test makes do with the machine's own, for machines that give no
//! namespaces; then nothing of zenoh may run beside it, and tests of a full `/dev/shm` fail.

use std::{path::PathBuf, process::Command};

const INSIDE: &str = "ZENOH_PINNED_TEST_HOST";

/// Runs the calling test's `body`, and the workers it starts, with an empty `/dev/shm` of this many
/// mebibytes that no other test sees. What follows runs outside, when all of it has ended.
pub fn alone<Body: FnOnce()>(mebibytes: u32, body: Body) {
    match std::env::var_os(INSIDE) {
        Some(host) if host == "shared" => return body(),
        Some(_) => {
            body();
            std::process::exit(0);
        }
        None => {}
    }
    // What the test leaves there itself is looked for when it has ended, with who still has it locked.
    let script = format!(
        "mount -t tmpfs -o size={mebibytes}m tmpfs /dev/shm && \"$@\" && \
         if ls -li /dev/shm | grep zenoh >&2; then cat /proc/locks >&2; exit 1; fi"
    );
    let mut command = in_mounts_of_its_own(&script);
    command.arg(std::env::current_exe().unwrap());
    let name = super::driver::test_name::<Body>();
    command.args(["--exact", &name, "--nocapture", "--include-ignored"]);
    command.env(INSIDE, "1");
    let status = command.status().unwrap();
    assert!(
        status.success(),
        "the test failed in its namespace, or left something in /dev/shm: {status}"
    );
}

/// A command that runs a shell script in a mount namespace of its own; words that are added are the script's `$@`.
pub fn in_mounts_of_its_own(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.arg("--mount");
    // SAFETY: asks who this process runs as.
    if unsafe { libc::geteuid() } != 0 {
        // Who may not mount gets a user namespace in which it may; root may be allowed none.
        command.arg("--map-root-user");
    }
    command.args(["sh", "-c", script, "sh"]);
    command
}

/// Bytes of `/dev/shm` that the kernel counts as used.
pub fn used_bytes() -> u64 {
    // SAFETY: fills a structure of this function's own from the path of a mounted file system.
    unsafe {
        let mut space: libc::statvfs = std::mem::zeroed();
        assert_eq!(libc::statvfs(c"/dev/shm".as_ptr(), &raw mut space), 0);
        (space.f_blocks - space.f_bfree) * space.f_frsize
    }
}

/// The account pages there are.
pub fn accounts() -> Vec<PathBuf> {
    let names = super::shm::segments().into_iter().map(|(_, name)| name);
    let is_account = |name: &String| {
        let id: Option<u32> = name.trim_end_matches(".zenoh").parse().ok();
        id.is_some_and(|id| id >> 16 == 0xACC7)
    };
    names
        .filter(is_account)
        .map(|name| PathBuf::from("/dev/shm").join(name))
        .collect()
}

/// Unlinks what no living process has locked, as every zenoh process does at its start and end.
///
/// On some machines the lock of a killed process stands for a tenth of a second after it was waited for, where a
/// mapping keeps it and the process had several threads; zenoh's next sweep would find it free.
pub fn sweep_as_zenoh() {
    for (_, name) in super::shm::segments() {
        let path = format!("/dev/shm/{name}");
        let file = std::fs::File::open(&path).unwrap();
        super::eventually("the lock of a dead process ends", || {
            is_last(&file) || is_locked_by_the_living(&file)
        });
        if is_last(&file) {
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// Whether nobody else has a lock of the file.
fn is_last(file: &std::fs::File) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: a lock of a descriptor that is open.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
}

/// Whether a process that runs has a lock of the file, by the kernel's list.
fn is_locked_by_the_living(file: &std::fs::File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata().unwrap();
    let (device, inode) = (metadata.dev(), metadata.ino());
    let (major, minor) = (libc::major(device), libc::minor(device));
    let name = format!("{major:02x}:{minor:02x}:{inode}");
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    // A number, the kind, how it binds, what it allows, whose it is, and the file.
    let mut words = locks.lines().map(|lock| lock.split_ascii_whitespace());
    words.any(|mut lock| {
        let holder = lock.nth(4).unwrap_or_default().to_owned();
        lock.next() == Some(&name) && std::fs::exists(format!("/proc/{holder}")).unwrap()
    })
}

/// Stops a worker, and returns when none of its threads runs any more.
pub fn stop(worker: &super::worker::Worker) {
    signal(worker, libc::SIGSTOP);
    super::eventually("all threads stop", || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", worker.pid())).unwrap();
        threads.filter_map(Result::ok).all(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            stat.contains(") T ")
        })
    });
}

/// Sends a signal to a worker.
pub fn signal(worker: &super::worker::Worker, signal: libc::c_int) {
    // SAFETY: a signal to a child that this process has not waited for.
    assert_eq!(unsafe { libc::kill(worker.pid() as i32, signal) }, 0);
}
