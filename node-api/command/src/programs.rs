//! Other programs, asked for their versions: the one place of this crate that runs any.
//!
//! Each is found by the user's `PATH` and gets no input. They run beside each other, and what has not answered by the one
//! deadline that they have is ended.

use std::{
    io::{self, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    time::{Duration, Instant},
};

/// How long they may take. One that is compiled to an interpreter's cache at its first start takes seconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most that is read of an answer.
const ANSWER_BYTES: u64 = 4096;

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// There is no such program, or it did not do what it was asked.
    None,
    /// What it printed.
    Said(String),
    /// It was still running at the deadline.
    Silent,
}

/// A program and its arguments.
type Question<'a> = (&'a str, &'a [&'a str]);

/// What these programs print.
pub(crate) fn ask<const N: usize>(questions: [Question<'_>; N]) -> [Answer; N] {
    ask_within(questions, PATIENCE)
}

fn ask_within<const N: usize>(questions: [Question<'_>; N], patience: Duration) -> [Answer; N] {
    let give_up_at = Instant::now() + patience;
    // All of them are started before any is waited for.
    let running = questions.map(Running::start);
    running.map(|running| running.map_or(Answer::None, |running| running.answer(give_up_at)))
}

struct Running {
    child: Child,
    said: Receiver<io::Result<Vec<u8>>>,
}

impl Running {
    fn start((program, arguments): Question<'_>) -> Option<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().ok()?;
        let mut output = child.stdout.take()?.take(ANSWER_BYTES);
        let (saying, said) = sync_channel(1);
        // On a thread of its own, because what the program has started in turn may keep the pipe open.
        let reading = std::thread::Builder::new().spawn(move || {
            let mut text = Vec::new();
            let read = output.read_to_end(&mut text);
            let _ = saying.send(read.map(|_| text));
        });
        if reading.is_err() {
            // Nobody would hear it.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        Some(Self { child, said })
    }

    fn answer(mut self, give_up_at: Instant) -> Answer {
        let said = self
            .said
            .recv_timeout(give_up_at.saturating_duration_since(Instant::now()));
        let ended = match &said {
            // It has closed its output, so it is about to end.
            Ok(_) => wait_until(give_up_at, || self.child.try_wait().ok().flatten()),
            Err(_) => None,
        };
        let Some(status) = ended else {
            let _ = self.child.kill();
            let _ = self.child.wait();
            return Answer::Silent;
        };
        match said {
            Ok(Ok(said)) if status.success() => {
                Answer::Said(String::from_utf8_lossy(&said).trim().to_owned())
            }
            _ => Answer::None,
        }
    }
}

fn wait_until<T>(give_up_at: Instant, mut found: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        if let Some(found) = found() {
            return Some(found);
        }
        if Instant::now() > give_up_at {
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
        let answers = ask([
            ("echo", &["dora-cli", "1.1.0"]),
            ("no-such-program-here", &[]),
            ("sh", &["-c", "echo 1.1.0; exit 3"]),
        ]);
        let said = Answer::Said(String::from("dora-cli 1.1.0"));
        assert_eq!(answers, [said, Answer::None, Answer::None]);
    }

    #[test]
    fn programs_run_beside_each_other() {
        let pipe = std::env::temp_dir().join(format!("zpin-programs-{}", std::process::id()));
        let pipe = pipe.to_str().unwrap();
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
        // Whoever opens one end waits for whoever opens the other.
        let patience = Duration::from_secs(60);
        let answers = ask_within(
            [("tee", &[pipe]), ("cat", &[pipe]), ("echo", &["met"])],
            patience,
        );
        std::fs::remove_file(pipe).unwrap();
        let said = |text: &str| Answer::Said(text.to_owned());
        assert_eq!(answers, [said(""), said(""), said("met")]);
    }

    #[test]
    fn one_that_does_not_end_is_ended_and_what_others_say_meanwhile_is_heard() {
        let leaves_another = ["-c", "sleep 5 & exec sleep 600"];
        let answers = ask_within(
            [
                ("sleep", &["600"]),
                ("sh", &leaves_another),
                // It never stops talking.
                ("yes", &[]),
                ("echo", &["heard"]),
            ],
            Duration::from_secs(1),
        );
        let heard = Answer::Said(String::from("heard"));
        assert_eq!(
            answers,
            [Answer::Silent, Answer::Silent, Answer::None, heard]
        );
    }
}
