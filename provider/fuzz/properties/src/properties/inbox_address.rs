//! An address of an inbox is refused, or is one chunk of a key expression that reads back.
//!
//! Input: the text.

use zenoh_pinned::internals::address_again;

use crate::{Seed, Target};

pub(crate) const TARGET: Target = Target {
    name: "inbox_address",
    check,
    seeds,
};

fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Some(again) = address_again(text) else {
        return;
    };
    assert_eq!(address_again(&again).as_deref(), Some(&*again));
    let is_plain = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    assert!(again.bytes().all(is_plain), "{again}");
    assert_eq!(again.split('-').count(), 8);
}

fn seeds() -> Vec<Seed> {
    let of = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    vec![
        of(
            "honest",
            "7c1d2e3f4a5b6c7d8e9f-1a-effffffc-3e8-1267-63-fffffffe-ffffffffffffffff",
        ),
        of("small", "0-0-0-0-0-0-0-0"),
        of("signs", "+1-+2-+3-+4-+5-+6-+7-+8"),
        of("too-many", "1-2-3-4-5-6-7-8-9"),
        of("too-large", "1-2-3-100000000-5-6-7-8"),
        of("empty", ""),
        of("slash", "1/2-2-3-4-5-6-7-8"),
    ]
}
