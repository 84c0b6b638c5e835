//! Text in columns, to the character. Pure.

use ratatui::text::Span;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Characters; the table's wide column gets what is left besides.
    pub(super) width: usize,
    pub(super) align: Align,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// One text for each column.
    Cells(Vec<String>),
    /// Something about the row before, over the whole width.
    Detail(String),
}

/// Columns and what is in them.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) columns: &'static [Column],
    /// Which column gets the width that is left.
    pub(super) wide: usize,
    pub(super) rows: Vec<Row>,
}

impl Table {
    /// The columns' names.
    pub(super) fn header(&self, width: usize) -> String {
        let names = self.columns.iter().map(|column| column.name.to_owned());
        self.in_columns(&names.collect::<Vec<_>>(), width)
    }

    /// A row of `width` characters at the most.
    pub(super) fn line(&self, row: &Row, width: usize) -> String {
        match row {
            Row::Cells(cells) => self.in_columns(cells, width),
            Row::Detail(text) => fitted(&format!("  {text}"), width, Align::Left),
        }
    }

    fn in_columns(&self, cells: &[String], width: usize) -> String {
        let gaps = self.columns.len().saturating_sub(1);
        let needed: usize = self.columns.iter().map(|column| column.width).sum();
        let left = width.saturating_sub(needed + gaps);
        let mut line = String::new();
        for (index, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            if index > 0 {
                line.push(' ');
            }
            let width = match index == self.wide {
                true => column.width + left,
                false => column.width,
            };
            line.push_str(&fitted(cell, width, column.align));
        }
        fitted(&line, width, Align::Left)
    }
}

/// The text in a terminal's `width` columns: cut, with a mark where it is, and filled up.
pub(super) fn fitted(text: &str, width: usize, align: Align) -> String {
    let columns_of = |text: &str| Span::raw(text.to_owned()).width();
    let (mut used, mut shown) = (columns_of(text), text.to_owned());
    if used > width {
        (used, shown) = (0, String::new());
        for character in text.chars() {
            let columns = columns_of(character.encode_utf8(&mut [0; 4]));
            if used + columns + 1 > width {
                break;
            }
            used += columns;
            shown.push(character);
        }
        if used < width {
            used += 1;
            shown.push('~');
        }
    }
    let room = " ".repeat(width.saturating_sub(used));
    match align {
        Align::Left => shown + &room,
        Align::Right => room + &shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_and_filled_by_the_columns_that_it_takes_on_a_terminal() {
        for (text, shown) in [
            ("abc", "abc  "),
            ("abcde", "abcde"),
            ("abcdef", "abcd~"),
            ("漢字", "漢字 "),
            ("漢字漢字", "漢字~"),
        ] {
            assert_eq!(fitted(text, 5, Align::Left), shown);
        }
        assert_eq!(fitted("7", 3, Align::Right), "  7");
        assert_eq!(fitted("abc", 0, Align::Left), "");
    }

    #[test]
    fn the_wide_column_gets_what_is_left_and_no_line_is_longer_than_the_terminal() {
        const COLUMNS: &[Column] = &[
            Column {
                name: "NAME",
                width: 4,
                align: Align::Left,
            },
            Column {
                name: "N",
                width: 3,
                align: Align::Right,
            },
        ];
        let table = Table {
            columns: COLUMNS,
            wide: 0,
            rows: Vec::new(),
        };
        assert_eq!(table.header(12), "NAME       N");
        let row = Row::Cells(vec![String::from("camera"), String::from("12")]);
        assert_eq!(table.line(&row, 8), "cam~  12");
        assert_eq!(table.line(&row, 5), "cam~~");
        assert_eq!(table.line(&Row::Detail(String::from("why")), 6), "  why ");
    }
}
