//! What is said of each fact: whether it is well, why not, and what to do. Pure: everything comes in as `Facts`.
//!
//! Three states. *Fails* is what keeps frames from shared memory, or from the device that was asked for. A *note* is what
//! will bite somebody, or could be better. Where something is wrong there is always a remedy.

mod device;
mod limits;
mod memory;
mod processes;
mod sharing;

use serde::Serialize;

use super::facts::Facts;

/// How a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    Note,
    Fails,
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Fails => "fails",
        }
    }
}

/// A fact and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// What it is about, in a word or two; each is there once, or once for each thing of its kind.
    pub(crate) about: &'static str,
    pub(crate) state: State,
    pub(crate) fact: String,
    /// What to do; `None` where all is well.
    pub(crate) remedy: Option<String>,
}

impl Line {
    pub(crate) fn ok(about: &'static str, fact: impl Into<String>) -> Self {
        Self {
            about,
            state: State::Ok,
            fact: fact.into(),
            remedy: None,
        }
    }

    pub(crate) fn note(
        about: &'static str,
        fact: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Note,
            remedy: Some(remedy.into()),
            ..Self::ok(about, fact)
        }
    }

    pub(crate) fn fails(
        about: &'static str,
        fact: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Fails,
            ..Self::note(about, fact, remedy)
        }
    }
}

/// Whether nothing fails.
pub(crate) fn is_well(lines: &[Line]) -> bool {
    lines.iter().all(|line| line.state != State::Fails)
}

/// All of it, from what the machine gives to what became of a frame.
pub(crate) fn lines(facts: &Facts) -> Vec<Line> {
    let surroundings = &facts.surroundings;
    let mut lines = memory::lines(surroundings);
    lines.extend(limits::lines(
        surroundings,
        facts.observation.as_ref().map(|seen| &seen.usage),
        &facts.variables,
    ));
    lines.extend(processes::lines(facts));
    lines.extend(sharing::versions(&facts.versions));
    lines.extend(device::lines(&facts.devices, facts.asked.as_ref()));
    lines.extend(sharing::trial(&facts.trial, facts.asked.as_ref()));
    lines
}
