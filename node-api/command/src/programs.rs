//! Other programs, asked for their versions: the one place of this crate that runs any.
//!
//! Each is found by the user's `PATH`, gets no input, and is ended where it has not answered within its time.

use std::{
    io::Read,
    process::{Command, Stdio},
    sync::mpsc::sync_channel,
    time::Duration,
};

/// How long a program may take. One that is compiled to an interpreter's cache at its first start takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that is read of an answer.
const ANSWER_BYTES: u64 = 4096;

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// There is no such program, or it did not do what it was asked.
    None,
    /// What it printed.
    Said(String),
    /// It was still running after its time.
    Silent,
}

/// What the program prints when it is started with these arguments.
pub(crate) fn ask(program: &str, arguments: &[&str]) -> Answer {
    ask_within(program, arguments, PATIENCE)
}

fn ask_within(program: &str, arguments: &[&str], patience: Duration) -> Answer {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        return Answer::None;
    };
    let (answered, answer) = sync_channel(1);
    let output = child.stdout.take();
    // On a thread of its own, because what the program has started in turn may keep the pipe open.
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let read = output.map(|output| output.take(ANSWER_BYTES).read_to_end(&mut said));
        let _ = answered.send(read.map(|_| said));
    });
    let said = answer.recv_timeout(patience);
    let ended = match &said {
        // It has closed its output, so it is about to end.
        Ok(_) => wait_until(patience, || child.try_wait().ok().flatten()),
        Err(_) => None,
    };
    let Some(status) = ended else {
        let _ = child.kill();
        let _ = child.wait();
        return Answer::Silent;
    };
    match said.ok().flatten() {
        Some(said) if status.success() => {
            Answer::Said(String::from_utf8_lossy(&said).trim().to_owned())
        }
        _ => Answer::None,
    }
}

fn wait_until<T>(patience: Duration, mut found: impl FnMut() -> Option<T>) -> Option<T> {
    let give_up_at = std::time::Instant::now() + patience;
    loop {
        if let Some(found) = found() {
            return Some(found);
        }
        if std::time::Instant::now() > give_up_at {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_answers_or_is_not_there_or_fails() {
        let said = |text: &str| Answer::Said(text.to_owned());
        assert_eq!(ask("echo", &["dora-cli", "1.1.0"]), said("dora-cli 1.1.0"));
        assert_eq!(ask("no-such-program-here", &[]), Answer::None);
        assert_eq!(ask("sh", &["-c", "echo 1.1.0; exit 3"]), Answer::None);
    }

    #[test]
    fn one_that_does_not_end_is_ended_and_one_that_never_stops_talking_as_well() {
        let patience = Duration::from_millis(200);
        assert_eq!(ask_within("sleep", &["600"], patience), Answer::Silent);
        assert_eq!(ask_within("yes", &[], patience), Answer::None);
        let leaves_another = ["-c", "sleep 5 & exec sleep 600"];
        assert_eq!(ask_within("sh", &leaves_another, patience), Answer::Silent);
    }
}
