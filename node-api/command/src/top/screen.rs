//! The terminal: taken over while `top` shows something, and given back however that ends.
//!
//! At a key, at a signal that asks to end, at an error and at a panic the terminal gets back its lines and its mode: the
//! value that has taken it over puts it right when it goes, and a panic's message is printed after that.

use std::{
    io,
    time::{Duration, Instant},
};

use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event},
};
use zenoh_pinned::bindings::Termination;

use super::{
    draw::{Chosen, draw},
    seen::Seen,
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon a signal is noticed.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// A terminal that was taken over.
struct Screen(DefaultTerminal);

impl Screen {
    fn take() -> io::Result<Self> {
        // This has a panic give the terminal back before it prints. It may fail half-way.
        let terminal = ratatui::try_init().inspect_err(|_| drop(ratatui::try_restore()));
        terminal.map(Self)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Where the terminal has gone there is nothing to put right.
        let _ = ratatui::try_restore();
    }
}

/// Shows what `look` sees, until somebody wants it to end.
///
/// # Errors
/// The terminal's.
pub(super) fn show(look: impl Fn() -> Result<Seen, String>) -> io::Result<()> {
    let termination = Termination::expect()?;
    let mut screen = Screen::take()?;
    let mut chosen = Chosen::default();
    let mut seen = look();
    let mut looked_at = Instant::now();
    loop {
        let shown = seen.as_ref();
        screen.0.draw(|frame| draw(frame, shown, &mut chosen))?;
        if termination.is_asked_for() {
            return Ok(());
        }
        if event::poll(ASK_EVERY)?
            && let Event::Key(key) = event::read()?
            && !chosen.press(key)
        {
            return Ok(());
        }
        if looked_at.elapsed() >= LOOK_EVERY {
            seen = look();
            looked_at = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::fd::AsRawFd, process::Command};

    use super::*;

    #[test]
    #[ignore = "a program of another test, in a terminal"]
    fn program_that_panics_while_it_has_the_screen() {
        let _screen = Screen::take().unwrap();
        panic!("on the screen");
    }

    /// What a terminal gets of the program, an ignored test of these, and of what the shell does after it.
    fn said_by(name: &str, and_then: &str) -> String {
        let program = std::env::current_exe().unwrap();
        let program = program.display();
        let name = format!("top::screen::tests::{name}");
        let command = format!("{program} --exact {name} --ignored --nocapture {and_then}");
        // It makes a terminal for the program.
        let ran = Command::new("script")
            .args(["--quiet", "--command", &command, "/dev/null"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    #[test]
    #[ignore = "a program of another test, in a terminal"]
    fn program_whose_terminal_takes_no_orders() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        // SAFETY: both are descriptors of this process.
        assert_eq!(unsafe { libc::dup2(full.as_raw_fd(), 1) }, 1);
        assert!(Screen::take().is_err());
        // The test's end would be written to it too.
        std::process::exit(0);
    }

    #[test]
    fn a_terminal_that_is_taken_by_half_is_given_back() {
        let said = said_by("program_whose_terminal_takes_no_orders", "&& stty --all");
        assert!(said.contains(" icanon"), "{said:?}");
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_says_anything() {
        let said = said_by("program_that_panics_while_it_has_the_screen", "");
        let at = |text: &str| {
            said.find(text)
                .unwrap_or_else(|| panic!("no {text:?} in {said:?}"))
        };
        assert!(at("\x1b[?1049h") < at("\x1b[?1049l"), "{said:?}");
        assert!(at("\x1b[?1049l") < at("on the screen"), "{said:?}");
    }
}
