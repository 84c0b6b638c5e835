//! The subscriber that `camera run` starts: this program once more, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use camera::capture::Capture;
use camera::stop::Stop;

use crate::arguments::RunArguments;
use crate::report::Report;
use crate::subscribe::READY;

/// A GPU can take long to come up.
const START: Duration = Duration::from_secs(60);
/// From the end marker to the report.
const FINISH: Duration = Duration::from_secs(30);
const EXIT: Duration = Duration::from_secs(5);
const CHECK: Duration = Duration::from_millis(100);
const EXIT_CHECK: Duration = Duration::from_millis(5);

pub(crate) struct SubscriberProcess {
    child: Child,
    /// The child ends when this closes, however this process ends.
    stdin: Option<ChildStdin>,
    /// Disconnected once the child has closed its stdout.
    lines: Receiver<String>,
    errors: Option<Capture>,
}

impl SubscriberProcess {
    pub(crate) fn start(arguments: &RunArguments, endpoint: &str) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("The path of this program is not known")?;
        let options = &arguments.consumer;
        let mut command = Command::new(program);
        command
            .args([
                "subscribe",
                "--supervised",
                "--json",
                "--endpoint",
                endpoint,
            ])
            .args(["--device", &options.device.to_string()])
            .args(options.host.then_some("--host"));
        if let Some(path) = &options.save_frame {
            command.arg("--save-frame").arg(path);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C must not reach the subscriber: it has to receive what was sent until then.
            .process_group(0)
            .spawn()
            .context("The subscriber process could not be started")?;
        let stdin = child.stdin.take();
        let errors = child.stderr.take().map(Capture::start);
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Ok(Self {
            child,
            stdin,
            lines,
            errors,
        })
    }

    /// Returns false where the end was requested first.
    pub(crate) fn wait_until_ready(&mut self, stop: &Stop) -> anyhow::Result<bool> {
        let deadline = Instant::now() + START;
        while !stop.requested() {
            match self.lines.recv_timeout(CHECK) {
                Ok(line) if line == READY => return Ok(true),
                Ok(line) => bail!("The subscriber process said {line:?} instead of {READY:?}."),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.why_it_ended("before it was ready"));
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "The subscriber process was not ready after {} s.",
                        START.as_secs()
                    );
                }
            }
        }
        Ok(false)
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the child's report and its end.
    pub(crate) fn finish(mut self) -> anyhow::Result<Report> {
        let deadline = Instant::now() + FINISH;
        let mut report = None;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => report = Some(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "The subscriber process sent no report for {} s.",
                        FINISH.as_secs()
                    );
                }
            }
        }
        let Some(report) = report else {
            return Err(self.why_it_ended("before its report"));
        };
        let report = serde_json::from_str(&report)
            .with_context(|| format!("The subscriber process reported {report:?}"))?;
        self.wait();
        if let Some(said) = self
            .errors
            .take()
            .map(Capture::text)
            .filter(|said| !said.is_empty())
        {
            eprintln!("The subscriber process wrote:\n{said}");
        }
        Ok(report)
    }

    fn why_it_ended(&mut self, when: &str) -> anyhow::Error {
        let status = self
            .wait()
            .map_or_else(|| "killed".to_owned(), |status| status.to_string());
        let said = self.errors.take().map(Capture::text).unwrap_or_default();
        let said = if said.is_empty() {
            "It wrote nothing.".to_owned()
        } else {
            format!("It wrote:\n{said}")
        };
        anyhow!("The subscriber process ended {when} ({status}). {said}")
    }

    /// Waits for the child's end, and sees to it; None where it had to be killed.
    fn wait(&mut self) -> Option<ExitStatus> {
        self.stdin = None;
        let deadline = Instant::now() + EXIT;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(EXIT_CHECK),
                Ok(Some(status)) => return Some(status),
                Err(_) => break,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        None
    }
}

impl Drop for SubscriberProcess {
    fn drop(&mut self) {
        self.wait();
    }
}
