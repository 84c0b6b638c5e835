//! Programs of these tests: ignored tests of this binary, which shell scripts start beside the command.

use zenoh_pinned::PinnedPool;

/// This binary as that program, for a shell.
pub fn command(name: &str) -> String {
    let binary = std::env::current_exe().unwrap();
    format!(
        "{} --exact programs::{name} --ignored --nocapture > /dev/null 2>&1",
        binary.display()
    )
}

fn pool() -> PinnedPool {
    let pool = PinnedPool::builder()
        .name("a pool")
        .slots(2)
        .slot_bytes(4 << 20);
    pool.build().unwrap()
}

#[test]
#[ignore = "a program of other tests"]
fn dies_with_a_pool() {
    let _pool = pool();
    // SAFETY: ends this process.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

/// Until it is killed. The file says that the pool is there; where it lies another process sees it too.
#[test]
#[ignore = "a program of other tests"]
fn keeps_a_pool() {
    let _pool = pool();
    std::fs::write("/mnt/is-there", "").unwrap();
    loop {
        std::thread::park();
    }
}
