//! A progress bar, where there is a terminal to show it on.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// `frames` is None where nobody knows how many there will be.
    pub(crate) fn new(frames: Option<u64>, what: &'static str) -> Self {
        if !stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let (bar, template) = match frames {
            Some(frames) => (
                ProgressBar::new(frames),
                "{msg} [{bar:40}] {pos}/{len} ({per_sec}, {eta} left)",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{spinner} {msg} {pos} ({per_sec})",
            ),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(crate) fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
