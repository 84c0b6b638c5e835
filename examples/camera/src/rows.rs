//! Named values, one a line, in columns that line up.

use std::fmt::Write as _;

/// The rows as text.
pub fn lined_up(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<width$}  {value}");
        text
    })
}
