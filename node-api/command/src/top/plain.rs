//! Everything at once, as text. Pure.

use super::{
    sections::{heading, sections},
    seen::Seen,
};

/// In lines of at most `width` characters.
pub(super) fn text(seen: &Seen, width: usize) -> String {
    let mut text = heading(seen).join("\n");
    for section in sections(seen) {
        text.push_str(&format!("\n\n{} ({})", section.title, section.count));
        if section.table.rows.is_empty() {
            continue;
        }
        let header = section.table.header(width);
        let rows = section.table.rows.iter();
        let rows = rows.map(|row| section.table.line(row, width));
        for line in std::iter::once(header).chain(rows) {
            text.push('\n');
            text.push_str(line.trim_end());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::sections::tests::a_busy_machine, *};

    #[test]
    fn everything_is_there_and_no_line_is_too_long() {
        let text = text(&a_busy_machine(), 80);
        assert!(text.lines().all(|line| line.chars().count() <= 80));
        for expected in [
            "Pools (10)",
            "Workers (2)",
            "Processes (60)",
            "Queues (50)",
            "Files (0)",
            "camera/9",
        ] {
            assert!(text.contains(expected), "{expected}");
        }
    }
}
