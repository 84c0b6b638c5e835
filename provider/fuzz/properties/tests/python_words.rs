//! What users of Python and of C read, in every text of the crates below the bindings.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

// By its path: the Python package is an extension module, which no crate can depend on.
#[path = "../../../../bindings/python/src/words.rs"]
mod words;

#[path = "../../../../bindings/c/src/words.rs"]
mod words_of_c;

/// Calls that Python has too.
const ALLOWED: [&str; 1] = ["open_device()"];

/// The literals of a source file that are sentences, without comments and tests.
fn sentences(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (begin, from) = rest[at..].split_at(1);
        rest = match begin {
            "/" if from.starts_with('/') => from.split_once('\n').map_or("", |(_, after)| after),
            "'" if from.starts_with("\"'") => &from[2..],
            "\"" => {
                let (literal, after) = literal(from);
                if literal.contains(' ') {
                    found.push(literal);
                }
                after
            }
            _ => from,
        };
    }
    found
}

/// A literal behind its first quotation mark, as the compiler reads it, and what follows it.
fn literal(text: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (literal, &text[at + 1..]),
            '\\' => match characters.next() {
                Some((_, '\n')) => {
                    let rest = characters.as_str().trim_start();
                    let skipped = characters.as_str().len() - rest.len();
                    characters.by_ref().take(skipped).for_each(drop);
                }
                Some((_, escaped)) => literal.push(escaped),
                None => break,
            },
            _ => literal.push(character),
        }
    }
    (literal, "")
}

fn of_folder(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            of_folder(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_stem().is_some_and(|name| name != "tests")
        {
            found.extend(sentences(&fs::read_to_string(path).unwrap()));
        }
    }
}

/// Whatever Python has otherwise.
fn speaks_rust(text: &str) -> bool {
    let text = ALLOWED
        .iter()
        .fold(text.to_owned(), |text, allowed| text.replace(allowed, ""));
    let is_called = text.match_indices("()").any(|(at, _)| {
        text[..at].ends_with(|character: char| character.is_ascii_lowercase() || character == '_')
    });
    is_called || text.contains("::") || text.contains("pinner")
}

#[test]
fn no_text_that_python_shows_speaks_rust() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let mut found = Vec::new();
    of_folder(&root.join("provider/src"), &mut found);
    of_folder(&root.join("node-api/node/src"), &mut found);
    of_folder(&root.join("node-api/workers/src"), &mut found);
    of_folder(&root.join("node-api/models/src"), &mut found);
    assert!(found.len() > 150, "{}", found.len());
    let rust: Vec<_> = found.iter().filter(|text| speaks_rust(text)).collect();
    assert!(rust.len() > 10, "{rust:?}");
    let shown = |text: &String| [words::in_python(text), words::in_dora(text)];
    let shown = found.iter().flat_map(shown);
    let still: Vec<_> = shown.filter(|text| speaks_rust(text)).collect();
    assert!(still.is_empty(), "{still:#?}");
}

/// Whatever C has otherwise. It has pinners, and calls of its own.
fn speaks_rust_to_c(text: &str) -> bool {
    let is_called = text.match_indices("()").any(|(at, _)| {
        let name = text[..at]
            .rsplit(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let name = name.into_iter().next().unwrap_or_default();
        !name.is_empty() && !name.starts_with("zp_")
    });
    is_called || text.contains("::")
}

#[test]
fn no_text_that_c_shows_speaks_rust() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let mut found = Vec::new();
    of_folder(&root.join("provider/src"), &mut found);
    of_folder(&root.join("node-api/node/src/pubsub"), &mut found);
    found.extend(sentences(
        &fs::read_to_string(root.join("node-api/node/src/opening.rs")).unwrap(),
    ));
    let shown = found.iter().map(|text| words_of_c::in_c(text));
    let still: Vec<_> = shown
        .filter(|text| speaks_rust_to_c(text) || text.contains("Python"))
        .collect();
    assert!(still.is_empty(), "{still:#?}");
    let is_said = |phrase: &&str| found.iter().any(|text| text.contains(*phrase));
    let unsaid: Vec<_> = words_of_c::phrases()
        .filter(|phrase| !is_said(phrase))
        .collect();
    assert!(unsaid.is_empty(), "{unsaid:#?}");
}

#[test]
fn every_phrase_that_is_said_otherwise_is_still_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let mut found = Vec::new();
    of_folder(&root.join("provider/src"), &mut found);
    of_folder(&root.join("node-api/node/src"), &mut found);
    of_folder(&root.join("node-api/workers/src"), &mut found);
    of_folder(&root.join("node-api/models/src"), &mut found);
    let is_said = |phrase: &&str| found.iter().any(|text| text.contains(*phrase));
    let unsaid: Vec<_> = words::phrases().filter(|phrase| !is_said(phrase)).collect();
    assert!(unsaid.is_empty(), "{unsaid:#?}");
}

#[test]
fn places_in_source_files_are_cut_and_nothing_else() {
    let cut = [
        (
            "Unicast not supported for quark protocol at /home/builder/.cargo/registry/src/index.crates.io-1/zenoh-link-1.10.2/src/lib.rs:183.",
            "Unicast not supported for quark protocol",
        ),
        (
            "cannot listen: [address in use at /a/b.rs:61.] at C:\\c\\d.rs:7:12.",
            "cannot listen: [address in use]",
        ),
        ("look at the log at /var/log", "look at the log at /var/log"),
        ("at src/a.rs:1", "at src/a.rs:1"),
        ("failed at src/a.rs: no", "failed at src/a.rs: no"),
        ("looked at a file, b.rs:1", "looked at a file, b.rs:1"),
        (" at ", " at "),
        ("", ""),
    ];
    for (said, shown) in cut {
        assert_eq!(words::without_places(said), shown);
    }
}
