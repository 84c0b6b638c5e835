//! How far it is, on one line of a terminal that is drawn anew; nothing where there is no terminal.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use crate::pipeline::PipelineFigures;

const DRAW_EVERY: Duration = Duration::from_millis(100);
const BAR: usize = 24;

/// A line on standard error.
#[derive(Debug)]
pub struct ProgressLine {
    drawn: Option<Instant>,
    is_shown: bool,
}

impl ProgressLine {
    /// Drawn if standard error is a terminal.
    pub fn on_terminal() -> Self {
        Self {
            drawn: None,
            is_shown: std::io::stderr().is_terminal(),
        }
    }

    /// Draws it, if some time has passed since it was drawn.
    pub fn draw(&mut self, line: impl FnOnce() -> String) {
        let now = Instant::now();
        let is_due = self
            .drawn
            .is_none_or(|drawn| now.saturating_duration_since(drawn) >= DRAW_EVERY);
        if self.is_shown && is_due {
            self.drawn = Some(now);
            let columns = terminal_columns();
            let line: String = line().chars().take(columns).collect();
            // Nobody is harmed where it cannot be drawn.
            let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
        }
    }

    /// Takes it away.
    pub fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

/// One less than there are, so that the cursor stays on the line.
fn terminal_columns() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    let columns = size.map_or(80, |size| usize::from(size.ws_col));
    columns.max(20) - 1
}

/// How far a run is.
pub fn line(figures: &PipelineFigures) -> String {
    let matrices = &figures.matrices;
    let mut line = String::new();
    if let Some(wanted) = matrices.wanted {
        let done = matrices.stored + matrices.failed;
        let filled = (BAR as u64 * done)
            .checked_div(wanted)
            .unwrap_or(0)
            .min(BAR as u64) as usize;
        let bar: String = "#".repeat(filled) + &"-".repeat(BAR - filled);
        line = format!("[{bar}] {done} of {wanted}  ");
    }
    line += &format!(
        "{} stored, {:.1}/s, {:.0} MB/s",
        matrices.stored,
        figures.matrices_per_second,
        figures.raw_bytes_per_second / 1e6
    );
    if let (Some(wanted), true) = (matrices.wanted, figures.matrices_per_second > 0.0) {
        let left = wanted.saturating_sub(matrices.stored + matrices.failed) as f64
            / figures.matrices_per_second;
        line += &format!(", {left:.0} s left");
    }
    if figures.restarts > 0 {
        line += &format!(", {} restarts", figures.restarts);
    }
    if figures.state == "ending" {
        line += ", ending";
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{BufferFigures, MatrixFigures};

    #[test]
    fn the_line_says_how_far_it_is_and_how_long_it_takes() {
        let mut figures = PipelineFigures {
            state: "running",
            why: None,
            since_seconds: 2.0,
            matrices: MatrixFigures {
                wanted: Some(400),
                stored: 100,
                ..MatrixFigures::default()
            },
            raw_bytes: 800_000_000,
            stored_bytes: 1,
            ratio: None,
            matrices_per_second: 50.0,
            raw_bytes_per_second: 4e8,
            buffers: BufferFigures::default(),
            roles: Vec::new(),
            restarts: 3,
            cpu_seconds: 0.0,
            form: String::new(),
            output: String::new(),
        };
        assert_eq!(
            line(&figures),
            "[######------------------] 100 of 400  100 stored, 50.0/s, 400 MB/s, 6 s left, 3 restarts"
        );
        figures.matrices.wanted = None;
        figures.state = "ending";
        assert_eq!(
            line(&figures),
            "100 stored, 50.0/s, 400 MB/s, 3 restarts, ending"
        );
    }
}
