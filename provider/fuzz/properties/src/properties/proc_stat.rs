//! A process's start time is found whatever it calls itself.
//!
//! Input: the name, any bytes.

use zenoh_pinned::internals::start_time_in;

use crate::{Seed, Target};

pub(crate) const TARGET: Target = Target {
    name: "proc_stat",
    check,
    seeds,
};

fn check(input: &[u8]) {
    // What is no such file at all.
    let _ = start_time_in(input);
    let fields = b") S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21\n";
    let stat = [&b"99 ("[..], input, fields].concat();
    assert_eq!(start_time_in(&stat), Some(4711));
}

fn seeds() -> Vec<Seed> {
    let cases: [(&str, &[u8]); 5] = [
        ("plain", b"camera"),
        (
            "closing-parenthesis",
            b"a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 1 20 (",
        ),
        ("not-utf8", b"\xff\xfe"),
        ("line-end", b"a\n1 (b"),
        (
            "whole-file",
            b"99 (cat) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 99999999999999999999 20",
        ),
    ];
    cases
        .map(|(name, input)| (name.to_owned(), input.to_vec()))
        .to_vec()
}
