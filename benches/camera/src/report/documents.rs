//! Places in documents that the tool fills: what stands between `<!-- figures: NAME -->` and `<!-- end figures -->`.

use std::path::Path;

use super::{Record, tables};
use crate::Outcome;

const BEGIN: &str = "<!-- figures: ";
const END: &str = "<!-- end figures -->";

/// Fills every place whose name this record has a table for, and gives how many; of those names that are in `only`,
/// where that is not empty.
pub fn fill(document: &Path, record: &Record, only: &[String]) -> Outcome<usize> {
    let text = std::fs::read_to_string(document)
        .map_err(|error| format!("{}: {error}", document.display()))?;
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    let table = |name: &str| tables::named(record, name).filter(|_| is_wanted(name));
    let (text, filled) = fill_text(&text, table)?;
    std::fs::write(document, text)?;
    Ok(filled)
}

fn fill_text(mut text: &str, table: impl Fn(&str) -> Option<String>) -> Outcome<(String, usize)> {
    let (mut out, mut filled) = (String::new(), 0);
    while let Some(begin) = text.find(BEGIN) {
        let name_at = begin + BEGIN.len();
        let name_end = text[name_at..].find(" -->").ok_or("a place has no name")? + name_at;
        let body_at = name_end + " -->".len();
        let end = text[body_at..].find(END).ok_or("a place has no end")? + body_at;
        out += &text[..body_at];
        match table(&text[name_at..name_end]) {
            Some(table) => {
                filled += 1;
                out += &format!("\n{}\n", table.trim_end());
            }
            None => out += &text[body_at..end],
        }
        out += END;
        text = &text[end + END.len()..];
    }
    Ok((out + text, filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_with_a_table_are_filled_again_and_again_and_the_others_stay() {
        let table = |name: &str| (name == "known").then(|| String::from("| new |\n"));
        let text = "a\n<!-- figures: known -->\nold\n<!-- end figures -->\nb <!-- figures: other -->x<!-- end figures -->";
        let (once, filled) = fill_text(text, table).expect("well-formed");
        assert_eq!(filled, 1);
        assert!(once.contains("-->\n| new |\n<!-- end"), "{once}");
        assert!(once.ends_with("<!-- figures: other -->x<!-- end figures -->"));
        assert_eq!(fill_text(&once, table).expect("well-formed").0, once);
        assert!(fill_text("<!-- figures: known -->", table).is_err());
    }
}
