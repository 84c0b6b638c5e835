//! Signals to processes of a test.

/// Stops a process: none of its threads runs until it continues.
pub fn stop(pid: u32) {
    send(pid, libc::SIGSTOP);
    super::eventually("the process did not stop", || state(pid) == Some('T'));
}

/// Lets a stopped process go on.
pub fn go_on(pid: u32) {
    send(pid, libc::SIGCONT);
}

pub fn kill(pid: u32) {
    send(pid, libc::SIGKILL);
}

fn send(pid: u32, signal: i32) {
    // SAFETY: sends a signal to a process that this test has started.
    assert_eq!(unsafe { libc::kill(pid as i32, signal) }, 0);
}

fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].trim_start().chars().next()
}
