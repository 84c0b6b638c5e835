//! How the doctor's lines look. Pure.

use serde::Serialize;

use super::table::{Line, State, is_well};
use crate::words;

/// Characters in front of a line's text: its state and what it is about.
const MARGIN: usize = 6 + 17;

/// For people: a line for each fact, broken where `columns` says how wide the terminal is.
pub(crate) fn text(lines: &[Line], columns: Option<usize>) -> String {
    let width = columns.map(|columns| columns.saturating_sub(MARGIN).max(20));
    let mut text = String::new();
    for line in lines {
        let margin = format!("{:<6}{:<17}", line.state.word(), line.about);
        push(&mut text, &margin, &line.fact, width);
        if let Some(remedy) = &line.remedy {
            let margin = format!("{:>width$}", "-> ", width = MARGIN);
            push(&mut text, &margin, remedy, width);
        }
    }
    text.push_str(&summary(lines));
    text
}

fn push(text: &mut String, margin: &str, words: &str, width: Option<usize>) {
    let lines = match width {
        Some(width) => words::wrapped(words, width),
        None => vec![words.to_owned()],
    };
    for (index, line) in lines.iter().enumerate() {
        let margin = match index {
            0 => margin,
            _ => &" ".repeat(MARGIN),
        };
        text.push_str(margin);
        text.push_str(line);
        text.push('\n');
    }
}

fn summary(lines: &[Line]) -> String {
    let number = |state| lines.iter().filter(|line| line.state == state).count();
    let (failing, notes) = (number(State::Fails), number(State::Note));
    let noted = match notes {
        0 => String::new(),
        _ => format!("; {} to read", words::count(notes, "note", "notes")),
    };
    match failing {
        0 => format!("Nothing keeps frames from shared memory{noted}"),
        _ => format!(
            "{} to put right{noted}",
            words::count(failing, "thing", "things")
        ),
    }
}

/// For programs.
pub(crate) fn json(lines: &[Line]) -> String {
    #[derive(Serialize)]
    struct Report<'a> {
        version: &'static str,
        well: bool,
        checks: &'a [Line],
    }
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        well: is_well(lines),
        checks: lines,
    };
    // It has no map with keys that are no text, so this never fails.
    serde_json::to_string_pretty(&report).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_under_itself_and_the_last_one_counts() {
        let lines = [
            Line::ok("/proc", "readable"),
            Line::fails(
                "lockable memory",
                "64 KiB, zenoh's shared memory needs more",
                "raise it",
            ),
        ];
        let expected = "ok    /proc            readable\n\
            fails lockable memory  64 KiB, zenoh's\n\
            \x20                      shared memory needs\n\
            \x20                      more\n\
            \x20                   -> raise it\n\
            1 thing to put right";
        assert_eq!(text(&lines, Some(43)), expected);
        assert_eq!(text(&lines, None).lines().count(), 4);
        let whole = "Nothing keeps frames from shared memory";
        assert!(text(&lines[..1], None).ends_with(whole));
    }

    #[test]
    fn json_has_every_line_and_whether_all_is_well() {
        let lines = [Line::fails("a", "b", "c"), Line::ok("d", "e")];
        let read: serde_json::Value = serde_json::from_str(&json(&lines)).unwrap();
        assert_eq!(read["well"], false);
        let first = serde_json::json!({"about": "a", "state": "fails", "fact": "b", "remedy": "c"});
        assert_eq!(read["checks"][0], first);
        assert_eq!(read["checks"][1]["remedy"], serde_json::Value::Null);
    }
}
