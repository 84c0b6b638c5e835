//! Whatever stands in an inbox, both ends stay within it, and count no further than its words let them.
//!
//! Input: the publisher's count of its entries (8 bytes), whether the oldest makes room (1), then the words.

use zenoh_pinned::internals::{Answers, ForeignWords};

use crate::{Seed, Target, reader::Reader};

pub(crate) const TARGET: Target = Target {
    name: "inbox",
    check,
    seeds,
};

fn check(input: &[u8]) {
    let mut reader = Reader::of(input);
    let (next, overwrite) = (reader.u64(), reader.u8() & 1 == 1);
    let words = ForeignWords::beginning_with(reader.rest());
    if let Some(key) = words.key() {
        assert!(key.len() <= ForeignWords::KEY_BYTES);
    }
    if let Some((_, Some(attachment))) = words.entry() {
        assert!(attachment.len() <= ForeignWords::ATTACHMENT_BYTES);
    }
    // Who refuses the head goes no further; the ring is asked all the same.
    let capacity = words.capacity().unwrap_or(4);
    assert!((1..=ForeignWords::CAPACITY).contains(&capacity));
    let before = positions(&words);
    let answers = words.answers(next, capacity, overwrite);
    let after = positions(&words);
    check_reader(answers, before, capacity);
    check_publisher(answers, before, after, next, capacity, overwrite);
    // Whatever stood there, a lane can be given to the next publisher.
    let (_, is_free) = words.state();
    assert!(is_free && positions(&words) == [0; 3]);
}

fn check_reader(answers: Answers, [written, claimed, _]: [u64; 3], capacity: u64) {
    let unread = written.checked_sub(claimed);
    let is_honest = unread.is_some_and(|unread| unread <= capacity);
    assert_eq!(answers.unread, unread.filter(|_| is_honest));
    let expected = is_honest.then_some((written > claimed).then_some(claimed));
    assert_eq!(answers.claimed, expected, "what was found, or nothing");
}

fn check_publisher(
    answers: Answers,
    [written, claimed, taken]: [u64; 3],
    [written_after, claimed_after, taken_after]: [u64; 3],
    next: u64,
    capacity: u64,
    overwrite: bool,
) {
    assert_eq!(answers.taken, (taken <= next).then_some(taken));
    // The reader has claimed one before, also where it found too many afterwards.
    let claimed = claimed + u64::from(written > claimed);
    let unread = next.checked_sub(claimed);
    let expected = match unread {
        Some(unread) if unread < capacity => Some((true, None)),
        Some(unread) if unread > capacity => None,
        Some(_) if overwrite => Some((true, Some(claimed))),
        Some(_) => Some((false, None)),
        None => None,
    };
    assert_eq!(answers.room, expected);
    let overwritten = matches!(expected, Some((_, Some(_))));
    assert_eq!(claimed_after, claimed + u64::from(overwritten));
    assert_eq!(
        (written_after, taken_after),
        (written, taken),
        "not its own"
    );
}

fn positions(words: &ForeignWords) -> [u64; 3] {
    let bytes = words.bytes();
    ForeignWords::POSITIONS_AT.map(|at| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    })
}

fn seeds() -> Vec<Seed> {
    let input = |next: u64, words: &[u8]| {
        let mut input = next.to_le_bytes().to_vec();
        input.push(1);
        input.extend_from_slice(words);
        input
    };
    let honest = ForeignWords::honest("camera/front").bytes();
    let mut seeds = vec![
        (String::from("honest"), input(1, &honest)),
        (String::from("empty"), Vec::new()),
        (String::from("full"), input(4, &honest)),
    ];
    let [written, claimed, taken] = ForeignWords::POSITIONS_AT;
    let entry = ForeignWords::ENTRY_AT;
    let fields = [
        ("written", written),
        ("claimed", claimed),
        ("taken", taken),
        ("capacity", 16),
        ("attachment-bytes", entry + 48),
        ("bytes", entry),
    ];
    for (name, at) in fields {
        for (kind, value) in [("ones", u64::MAX), ("high", 1 << 63), ("near", 5)] {
            let mut words = honest.clone();
            words[at..at + 8].copy_from_slice(&value.to_le_bytes());
            seeds.push((format!("{name}-{kind}"), input(1, &words)));
        }
    }
    seeds
}
