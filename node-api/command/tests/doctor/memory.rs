//! Little memory, or none that can be shared.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::report::{LITTLE_LOCKABLE, Surroundings};

#[test]
fn without_a_shared_memory_folder_it_says_how_to_mount_one() {
    // A /dev with no more in it than programs need.
    let script = "mount -t tmpfs tmpfs /mnt && touch /mnt/null /mnt/urandom && \
        mount --bind /dev/null /mnt/null && mount --bind /dev/urandom /mnt/urandom && mount --move /mnt /dev";
    let report = Surroundings::with(script).examined(&[]);
    report.assert_fails("/dev/shm", "mount -t tmpfs -o mode=1777 tmpfs /dev/shm");
    report.assert_fails("trial", "put right what fails above");
}

#[test]
fn a_shared_memory_folder_is_noted_where_no_camera_fits_and_fails_where_no_frame_does() {
    let of = |size: &str| {
        let script = format!("mount -t tmpfs -o size={size} tmpfs /dev/shm");
        Surroundings::with(&script).examined(&[])
    };
    // The second is what a container gets.
    for size in ["16m", "64m"] {
        let report = of(size);
        report.assert_note("room in /dev/shm", "docker run --shm-size");
        report.assert_well();
        assert_eq!(report.line("trial").state, "ok");
    }
    // What the trial takes, and less.
    of("2560k").assert_well();
    let report = of("2m");
    report.assert_fails("room in /dev/shm", "docker run --shm-size");
    assert!(report.line("room in /dev/shm").fact.contains("2.0 MiB"));
    report.assert_fails("trial", "put right what fails above");
}

#[test]
fn a_full_shared_memory_folder_says_how_to_make_room() {
    let script = "mount -t tmpfs -o size=128m tmpfs /dev/shm && cat /dev/zero > /dev/shm/of-others 2> /dev/null; true";
    let report = Surroundings::with(script).examined(&[]);
    report.assert_fails("room in /dev/shm", "remove what nobody uses");
    report.assert_fails("trial", "put right what fails above");
    let no_files = "mount -t tmpfs -o size=1g,nr_inodes=1 tmpfs /dev/shm";
    let report = Surroundings::with(no_files).examined(&[]);
    report.assert_fails("room in /dev/shm", "nr_inodes");
}

#[test]
fn a_shared_memory_folder_that_may_not_be_written_is_told_apart_from_none() {
    let report = Surroundings::with("mount -t tmpfs -o ro tmpfs /dev/shm").examined(&[]);
    report.assert_fails("/dev/shm", "remount,rw");
}

#[test]
fn without_proc_it_says_how_to_mount_it() {
    let report = Surroundings::well_and("mount -t tmpfs tmpfs /proc").examined(&[]);
    report.assert_fails("/proc", "mount -t proc proc /proc");
    report.assert_fails("trial", "put right what fails above");
}

#[test]
fn under_64_kib_of_lockable_memory_it_says_which_limit_to_raise() {
    let report = Surroundings::well().run_by(LITTLE_LOCKABLE).examined(&[]);
    report.assert_fails("lockable memory", "docker run --ulimit memlock=-1");
    assert!(report.line("lockable memory").fact.contains("64.0 KiB"));
    report.assert_fails("trial", "put right what fails above");
}

#[test]
fn few_open_files_are_told_with_the_limit_to_raise() {
    let report = Surroundings::well()
        .run_by("prlimit --nofile=60:60")
        .examined(&[]);
    report.assert_fails("open files", "RLIMIT_NOFILE");
}

/// A memory cgroup below the one that the test is in.
struct Cgroup(PathBuf);

impl Cgroup {
    /// `None` where this user may not make one, or where no hierarchy controls memory.
    fn of_96_mebibytes() -> Option<Self> {
        let name = format!("zpin-doctor-{}", std::process::id());
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let of_version_1 = groups.lines().find_map(|line| line.split_once(":memory:"));
        let (above, limit) = match of_version_1 {
            Some((_, path)) => {
                let top = Path::new("/sys/fs/cgroup/memory");
                (
                    top.join(path.trim_start_matches('/')),
                    "memory.limit_in_bytes",
                )
            }
            // A group with processes controls nothing below it, so this one is made at the top.
            None => (PathBuf::from("/sys/fs/cgroup"), "memory.max"),
        };
        let folder = above.join(name);
        fs::create_dir(&folder).ok()?;
        let made = Self(folder);
        fs::write(made.0.join(limit), (96 << 20).to_string()).ok()?;
        Some(made)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Those that have ended leave it a moment later.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn a_memory_cgroup_of_96_mebibytes_is_named_with_what_it_leaves() {
    let Some(cgroup) = Cgroup::of_96_mebibytes() else {
        eprintln!("SKIPPED: no memory cgroup can be made here");
        return;
    };
    let folder = cgroup.0.display();
    let report = Surroundings::well_and(&format!("echo $$ > {folder}/cgroup.procs")).examined(&[]);
    report.assert_note("memory cgroup", "docker run --memory");
    let fact = &report.line("memory cgroup").fact;
    assert!(fact.contains(&cgroup.0.to_string_lossy()[..]) && fact.ends_with("of 96.0 MiB"));
}
