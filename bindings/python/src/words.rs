//! Messages of the Rust crates in the words of a Python caller.
//!
//! Holds: what is said otherwise in Python, as a table, and the places in source files that zenoh's errors name.
//! Every text of those crates that Python sees goes through [`in_python`], those of a dora node's outputs through
//! [`in_dora`].
//!
//! Uses nothing of this crate, which has no tests of its own: the tests of another one include this file.

/// What is said otherwise, the longer first.
const PHRASES: [(&str, &str); 22] = [
    (
        "(Overflow::Refuse); put the frame again, or wait longer (PinnedPublisherBuilder::wait)",
        "(overflow='refuse'); put the frame again, or wait longer (wait= of declare_publisher)",
    ),
    ("no other way (alone())", "no other way (alone=True)"),
    ("wait longer with open_within()", "wait longer (timeout=)"),
    (
        "drop this pinner and everything else of the context, then make a new pinner; where that fails too, restart",
        "restart",
    ),
    (
        "drop the pinner, its streams and its device memory and make a new pinner; where that fails too, restart",
        "restart",
    ),
    (
        "call slots() and slot_bytes()",
        "give it slots= and slot_bytes=",
    ),
    (
        "raise ZENOH_PINNED_HOST_BYTES or max_host_bytes()",
        "raise ZENOH_PINNED_HOST_BYTES",
    ),
    (
        "let pinners go, or lower their max_bytes()",
        "lower max_bytes= of open_device()",
    ),
    ("max_bytes() of the pinner", "max_bytes= of open_device()"),
    ("the first pinner with a device", "the first device is used"),
    (
        "or call install_shm_clients() in it",
        "or, where it is a Rust node, let it install this library's shared-memory clients",
    ),
    (
        "ReclaimPolicy::ProvenInNamespace or ZENOH_PINNED_RECLAIM=namespace",
        "ZENOH_PINNED_RECLAIM=namespace",
    ),
    ("check is_empty() first", "look at its nbytes first"),
    (
        "and cudarc's own events would be captured with the copy: disable_event_tracking() of the context",
        "and events of this library's would be captured with the copy: copy outside of the capture",
    ),
    (
        "a pinner's registrations stay",
        "what is registered for a device stays",
    ),
    ("the pinner", "the device"),
    (
        "was not sent as a pinned one",
        "was not sent with pinned=True",
    ),
    (
        "send this one pinned too",
        "send this one pinned too (pinned=True)",
    ),
    (
        "give its command to Workers::builder(), or join a pool with Worker::join()",
        "give its command to workers.Workers(command=...), or join a pool with workers.Worker.join(session, name)",
    ),
    ("a longer queue()", "a longer queue (queue=)"),
    (
        "the same version of zenoh-pinned-workers",
        "the same version of zenoh-pinned",
    ),
    ("a pool's name", "the name of a pool of workers"),
];

/// The arguments in place of a builder's calls.
const ARGUMENTS: [(&str, &str); 3] = [
    ("max_bytes()", "max_bytes="),
    ("slot_bytes()", "slot_bytes= (of a publisher, frame_bytes=)"),
    ("slots()", "slots="),
];

/// What a dora node has in their place.
const VARIABLES: [(&str, &str); 3] = [
    ("max_bytes()", "ZENOH_PINNED_MAX_BYTES in the node's env:"),
    ("slot_bytes()", "the size of the messages"),
    ("slots()", "ZENOH_PINNED_SLOTS in the node's env:"),
];

/// A text of the Rust crates in Python's words.
pub(crate) fn in_python(text: &str) -> String {
    replaced(replaced(without_places(text), &PHRASES), &ARGUMENTS)
}

/// A text about a dora node's outputs in Python's words.
pub(crate) fn in_dora(text: &str) -> String {
    replaced(replaced(without_places(text), &PHRASES), &VARIABLES)
}

/// What the tables look for.
#[allow(dead_code, reason = "the tests that include this file use it")]
pub(crate) fn phrases() -> impl Iterator<Item = &'static str> {
    let tables = PHRASES.iter().chain(&ARGUMENTS);
    tables.map(|(theirs, _)| *theirs)
}

fn replaced(text: String, table: &[(&str, &str)]) -> String {
    table
        .iter()
        .fold(text, |text, (theirs, ours)| text.replace(theirs, ours))
}

/// The text without places in source files, which zenoh adds to its errors: `... at /some/where/file.rs:61.`
pub(crate) fn without_places(text: &str) -> String {
    const AT: &str = " at ";
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once(AT) {
        kept.push_str(before);
        match place(after) {
            Some(bytes) => rest = &after[bytes..],
            None => {
                kept.push_str(AT);
                rest = after;
            }
        }
    }
    kept.push_str(rest);
    kept
}

/// How long the place in a source file is that a text begins with, the full stop behind it included.
fn place(text: &str) -> Option<usize> {
    const EXTENSION: &str = ".rs:";
    let path = text.find(EXTENSION)?;
    if text[..path].contains(char::is_whitespace) {
        return None;
    }
    let behind = &text[path + EXTENSION.len()..];
    let is_number = |character: char| character.is_ascii_digit() || character == ':';
    let number = behind.find(|character| !is_number(character));
    let number = number.unwrap_or(behind.len());
    let end = path + EXTENSION.len() + number;
    let stop = usize::from(text[end..].starts_with('.'));
    (number > 0).then_some(end + stop)
}
