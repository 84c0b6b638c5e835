//! Numbers and lists as people read them. Pure.

/// Bytes with one decimal and the largest unit that leaves a whole number before it.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let exponent = ((bytes.ilog2() / 10) as usize).min(UNITS.len());
    let value = bytes as f64 / (1u64 << (10 * exponent)) as f64;
    // Rounding must not say 1024.0.
    match format!("{value:.1}") {
        text if text == "1024.0" && exponent < UNITS.len() => format!("1.0 {}", UNITS[exponent]),
        text => format!("{text} {}", UNITS[exponent - 1]),
    }
}

/// A number of things: `1 file`, `3 files`.
pub(crate) fn count(number: usize, one: &str, several: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {several}"),
    }
}

/// The first few of a list, and how many more there are.
pub(crate) fn list(words: &[String], most: usize) -> String {
    let shown = words[..words.len().min(most)].join(", ");
    match words.len() - words.len().min(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Breaks a text between words into lines of at most `width` characters; a longer word has a line of its own.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
    }
    lines
}

/// Text of another process, for a terminal: without control characters, which could make it do things, and without those
/// that turn the direction of writing or take no room, which could make it look like something else.
pub(crate) fn tame(text: &str) -> String {
    const UNSEEN: [std::ops::RangeInclusive<char>; 3] = [
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
    ];
    let is_unseen = |character| UNSEEN.iter().any(|range| range.contains(&character));
    text.chars()
        .map(
            |character| match character.is_control() || is_unseen(character) {
                true => '?',
                false => character,
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_decimal_and_a_unit() {
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (2_686_976, "2.6 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (24 << 30, "24.0 GiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let words: Vec<_> = ["a", "b", "c"].map(String::from).to_vec();
        assert_eq!(list(&words, 3), "a, b, c");
        assert_eq!(list(&words, 2), "a, b and 1 more");
        assert_eq!(list(&[], 2), "");
    }

    #[test]
    fn text_is_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a unbreakable b", 4), ["a", "unbreakable", "b"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn no_text_of_others_gives_orders_to_a_terminal() {
        assert_eq!(tame("a\x1b[2Jb\nc\u{9b}d\u{202e}e"), "a?[2Jb?c?d?e");
    }
}
