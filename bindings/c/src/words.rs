//! Messages of the Rust crates in the words of a caller from C.
//!
//! Every text of those crates that C sees goes through [`in_c`].

/// What is said otherwise, the longer first.
const PHRASES: [(&str, &str); 21] = [
    (
        "wait longer with open_within()",
        "wait longer with zp_session_open_within()",
    ),
    (
        "wait longer (PinnedPublisherBuilder::wait)",
        "wait longer (wait_ms of the publisher's options)",
    ),
    ("(Overflow::Refuse)", "(ZP_REFUSE)"),
    ("(alone())", "(alone of its options)"),
    ("put an empty payload instead", "give it at least one byte"),
    (
        "call slots() and slot_bytes()",
        "set frame_bytes of the publisher's options",
    ),
    (
        "raise ZENOH_PINNED_HOST_BYTES or max_host_bytes()",
        "raise ZENOH_PINNED_HOST_BYTES or max_host_bytes of the pinner's options",
    ),
    (
        "let pinners go, or lower their max_bytes()",
        "close pinners, or lower max_bytes of their options",
    ),
    (
        "max_bytes() of the pinner",
        "max_bytes of the pinner's options",
    ),
    (
        "drop this pinner and everything else of the context, then make a new pinner",
        "close this pinner and everything else of the context, then open a new one",
    ),
    (
        "drop the pinner, its streams and its device memory and make a new pinner",
        "close the pinner, give up its streams and device memory, and open a new one",
    ),
    ("build a new pool", "declare a new publisher"),
    (
        "make a pool here (its frames then travel as ordinary bytes), or start",
        "start",
    ),
    (
        " (Python: multiprocessing's start methods 'spawn' and 'forkserver')",
        "",
    ),
    (" (Python: the start methods 'spawn' and 'forkserver')", ""),
    (" (Python: 'spawn' or 'forkserver')", ""),
    (
        "ReclaimPolicy::ProvenInNamespace or ZENOH_PINNED_RECLAIM=namespace",
        "ZENOH_PINNED_RECLAIM=namespace",
    ),
    ("check is_empty() first", "look at its length first"),
    (
        "or reuse a buffer with copy_into",
        "or reuse yours with zp_frame_copy_to_device()",
    ),
    (
        "copy into memory that exists (copy_into)",
        "copy into memory that exists (zp_frame_copy_to_device())",
    ),
    (
        "and cudarc's own events would be captured with the copy: disable_event_tracking() of the context",
        "and events of this library's would be captured with the copy: open the pinner with a context of your own",
    ),
];

/// The fields of options in place of a builder's calls.
const FIELDS: [(&str, &str); 3] = [
    ("max_bytes()", "max_bytes"),
    ("slot_bytes()", "frame_bytes"),
    ("slots()", "slots"),
];

/// A text of the Rust crates in C's words.
pub(crate) fn in_c(text: &str) -> String {
    let tables = PHRASES.iter().chain(&FIELDS);
    tables.fold(without_places(text), |text, (theirs, ours)| {
        match text.contains(theirs) {
            true => text.replace(theirs, ours),
            false => text,
        }
    })
}

/// What the tables look for.
#[allow(dead_code, reason = "the tests that include this file use it")]
pub(crate) fn phrases() -> impl Iterator<Item = &'static str> {
    let tables = PHRASES.iter().chain(&FIELDS);
    tables.map(|(theirs, _)| *theirs)
}

/// The text without places in source files, which zenoh adds to its errors: `... at /some/where/file.rs:61.`
fn without_places(text: &str) -> String {
    const AT: &str = " at ";
    let mut pieces = text.split(AT);
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match place(piece) {
            Some(bytes) => kept.push_str(&piece[bytes..]),
            None => {
                kept.push_str(AT);
                kept.push_str(piece);
            }
        }
    }
    kept
}

/// How long the place in a source file is that a text begins with, the full stop behind it included.
fn place(text: &str) -> Option<usize> {
    let (path, behind) = text.split_once(".rs:")?;
    let rest =
        behind.trim_start_matches(|character: char| character.is_ascii_digit() || character == ':');
    let is_place = !path.contains(char::is_whitespace) && rest.len() < behind.len();
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    is_place.then(|| text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::in_c;

    #[test]
    fn places_in_source_files_are_cut_and_nothing_else() {
        for (said, shown) in [
            (
                "no quark protocol at /a/src/lib.rs:183.",
                "no quark protocol",
            ),
            ("[in use at /a/b.rs:61.] at C:\\c\\d.rs:7:12.", "[in use]"),
            ("look at the log at /var/log", "look at the log at /var/log"),
            ("failed at src/a.rs: no", "failed at src/a.rs: no"),
            ("raise slots()", "raise slots"),
        ] {
            assert_eq!(in_c(said), shown);
        }
    }
}
