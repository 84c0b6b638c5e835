//! What either end of a line answers to one word that nobody honest has written.

use std::{os::unix::fs::PermissionsExt, sync::atomic::Ordering::Relaxed, time::Duration};

use zenoh_pinned::{
    FrameError, PinnedPool, Pinner,
    bindings::line::{
        Inbox, LaneOwner, LaneState, Line, NoLine, Outgoing, Overflow, Peer, sleep_unless,
    },
    shm_clients,
};

use crate::{
    harness::eventually,
    inbox_words::{self as at, Words},
};

const CAPACITY: usize = 4;
const BYTES: usize = 4096;

struct Ends {
    inbox: Inbox,
    pinner: Pinner,
    line: Line,
    pool: PinnedPool,
    words: Words,
}

fn owner(key: &str, first: u64) -> LaneOwner {
    LaneOwner {
        process: Peer::this_process().unwrap(),
        source: (1, 2),
        key: key.to_owned(),
        alone: false,
        first,
    }
}

/// A line with three frames in it, 0 to 2.
fn ends() -> Ends {
    let pinner = Pinner::host_only();
    let inbox = Inbox::new(CAPACITY, Overflow::DropOldest, shm_clients(&pinner)).unwrap();
    let line = Line::open(inbox.address(), &owner("camera", 0)).unwrap();
    let words = Words::of(inbox.address());
    assert_eq!(
        words.lane(0, at::KEY).load(Relaxed).to_le_bytes(),
        *b"camera\0\0"
    );
    let pool = PinnedPool::builder()
        .slots(8)
        .slot_bytes(BYTES)
        .wait(Duration::from_secs(60))
        .build()
        .unwrap();
    let ends = Ends {
        inbox,
        pinner,
        line,
        pool,
        words,
    };
    ends.inbox.meet(0).unwrap();
    (0..3).for_each(|_| assert_eq!(ends.put(), Ok(true)));
    ends
}

impl Ends {
    fn put(&self) -> Result<bool, NoLine> {
        let payload = self.pool.alloc(BYTES).unwrap().into_shm();
        self.line.put(&Outgoing::new(&payload, None, None, false)?)
    }

    fn take(&self) -> Result<Option<Result<usize, FrameError>>, NoLine> {
        let delivery = self.inbox.take(0, &self.pinner)?;
        Ok(delivery.map(|delivery| delivery.frame.map(|frame| frame.len())))
    }

    /// Nothing more comes out of the lane, its publisher finds out, and every slot comes back.
    fn assert_abandoned(&self, what: &str) {
        assert!(matches!(self.take(), Err(NoLine::Corrupt)), "{what}");
        assert!(matches!(self.take(), Ok(None)), "{what}");
        assert_eq!(self.inbox.state(0), LaneState::Abandoned, "{what}");
        assert_eq!(self.put(), Err(NoLine::Corrupt), "{what}");
        eventually(what, || self.pool.statistics().in_use == 0);
    }

    fn header(&self, metadata: u64, index: u64, generation: u64) {
        let header = metadata << 48 | index << 32 | generation;
        self.words.entry(0, 0, at::HEADER).store(header, Relaxed);
    }
}

/// What the first entry says: metadata, index, generation.
fn descriptor(ends: &Ends) -> [u64; 3] {
    let header = ends.words.entry(0, 0, at::HEADER).load(Relaxed);
    [header >> 48, header >> 32 & 0xffff, header & 0xffff_ffff]
}

/// What is forged, and how.
type Forgery<Of> = (&'static str, fn(&Of));

#[test]
fn an_entry_of_a_buffer_that_is_not_there_is_a_frame_that_is_not_there() {
    let ends = ends();
    let [metadata, index, generation] = descriptor(&ends);
    let nowhere = (1..u64::from(u16::MAX))
        .find(|id| !std::path::Path::new(&format!("/dev/shm/{id}.zenoh")).exists());
    ends.header(nowhere.unwrap(), index, generation);
    let taken = ends.take();
    assert!(
        matches!(&taken, Ok(Some(Err(FrameError::NotAttached { .. })))),
        "{taken:?}"
    );
    // The next one is whole; its header is made one of another generation.
    let header = metadata << 48 | index << 32 | (generation ^ 1);
    ends.words.entry(0, 1, at::HEADER).store(header, Relaxed);
    let taken = ends.take();
    assert!(
        matches!(&taken, Ok(Some(Err(FrameError::Invalidated)))),
        "{taken:?}"
    );
    assert!(matches!(ends.take(), Ok(Some(Ok(BYTES)))));
    assert_eq!(ends.pool.statistics().in_use, 0);
    assert_eq!(ends.put(), Ok(true), "the line goes on");
}

#[test]
fn an_entry_that_cannot_be_ends_its_lane_and_nothing_else() {
    let forgeries: [Forgery<Ends>; 7] = [
        ("an index beyond all headers", |ends| {
            let [metadata, _, generation] = descriptor(ends);
            ends.header(metadata, 32_768, generation);
        }),
        ("the highest index", |ends| {
            let [metadata, _, generation] = descriptor(ends);
            ends.header(metadata, 0xffff, generation);
        }),
        ("a header that was never used", |ends| {
            let [metadata, _, _] = descriptor(ends);
            ends.header(metadata, 32_767, 0);
        }),
        ("no bytes", |ends| {
            ends.words.entry(0, 0, at::BYTES).store(0, Relaxed)
        }),
        ("more bytes than the chunk has", |ends| {
            ends.words
                .entry(0, 0, at::BYTES)
                .store(BYTES as u64 + 1, Relaxed);
        }),
        ("all bytes there can be", |ends| {
            ends.words.entry(0, 0, at::BYTES).store(u64::MAX, Relaxed);
        }),
        ("an attachment beyond the entry", |ends| {
            ends.words.entry(0, 0, at::ATTACHED).store(457, Relaxed);
        }),
    ];
    for (what, forge) in forgeries {
        let ends = ends();
        forge(&ends);
        ends.assert_abandoned(what);
        // Another publisher has another lane.
        let other = Line::open(ends.inbox.address(), &owner("other", 0)).unwrap();
        let payload = ends.pool.alloc(BYTES).unwrap().into_shm();
        let outgoing = Outgoing::new(&payload, None, None, false).unwrap();
        assert_eq!(other.put(&outgoing), Ok(true));
        ends.inbox.meet(1).unwrap();
        let delivery = ends.inbox.take(1, &ends.pinner).unwrap().unwrap();
        assert_eq!(delivery.frame.unwrap().len(), BYTES, "{what}");
    }
}

#[test]
fn positions_that_cannot_be_end_the_lane_at_the_reader() {
    for (written, claimed) in [
        (0, 1),
        (CAPACITY as u64 + 1, 0),
        (u64::MAX, 0),
        (0, u64::MAX),
        (u64::MAX, u64::MAX - 5),
    ] {
        let ends = ends();
        ends.words.lane(0, at::WRITTEN).store(written, Relaxed);
        ends.words.lane(0, at::CLAIMED).store(claimed, Relaxed);
        assert!(ends.inbox.has_unread(0), "it is there to be found out");
        let what = format!("{written} {claimed}");
        // A publisher that found it first has ended the line for the same reason.
        let taken = ends.take();
        assert!(matches!(taken, Err(NoLine::Corrupt)), "{what}: {taken:?}");
        assert_eq!(ends.put(), Err(NoLine::Corrupt), "{what}");
        eventually(&what, || ends.pool.statistics().in_use == 0);
    }
}

#[test]
fn positions_near_the_end_of_their_type_are_positions() {
    let ends = ends();
    let end = u64::MAX - 1;
    ends.words.lane(0, at::CLAIMED).store(end - 1, Relaxed);
    ends.words.lane(0, at::WRITTEN).store(end, Relaxed);
    // Whatever lies there.
    let _ = ends.take();
    assert!(ends.inbox.overwritten(0) >= end - 1);
    assert!(matches!(ends.take(), Ok(None) | Err(NoLine::Corrupt)));
    let _ = ends.inbox.end(0);
    // Behind what was there before: nobody counts backwards.
    ends.words.lane(0, at::CLAIMED).store(0, Relaxed);
    ends.words.lane(0, at::WRITTEN).store(1, Relaxed);
    assert!(matches!(ends.take(), Ok(None) | Err(NoLine::Corrupt)));
}

#[test]
fn positions_that_cannot_be_end_the_line_at_the_publisher_and_its_slots_come_back() {
    for (field, value) in [
        (at::CLAIMED, 4),
        (at::CLAIMED, u64::MAX),
        (at::TAKEN, 4),
        (at::TAKEN, u64::MAX),
    ] {
        let ends = ends();
        ends.words.lane(0, field).store(value, Relaxed);
        assert_eq!(ends.put(), Err(NoLine::Corrupt), "{field} {value}");
        // The reader, which does nothing but read, finds it as well.
        let _ = ends.take();
        drop(ends.line);
        eventually("the slots", || ends.pool.statistics().in_use == 0);
    }
}

#[test]
fn frames_that_a_reader_says_it_has_taken_before_it_has_are_gone_and_never_anothers() {
    let ends = ends();
    ends.words.lane(0, at::TAKEN).store(3, Relaxed);
    assert_eq!(ends.pool.statistics().in_use, 0, "as it was told");
    // Their slots are written anew before the entries are read.
    let held: Vec<_> = (0..8).map(|_| ends.pool.alloc(BYTES).unwrap()).collect();
    for _ in 0..3 {
        let taken = ends.take();
        assert!(
            matches!(&taken, Ok(Some(Err(FrameError::Invalidated)))),
            "{taken:?}"
        );
    }
    drop(held);
    assert_eq!(ends.pool.statistics().in_use, 0, "no count was changed");
}

#[test]
fn a_lane_of_nobody_is_not_met() {
    let forgeries: [Forgery<Words>; 5] = [
        ("no text", |words| {
            words.lane(0, at::KEY).store(u64::MAX, Relaxed)
        }),
        ("a key longer than there is room", |words| {
            words.lane(0, at::KEY_BYTES).store(513, Relaxed)
        }),
        ("the longest key", |words| {
            words.lane(0, at::KEY_BYTES).store(u64::MAX, Relaxed)
        }),
        ("a first number that overflows", |words| {
            words.lane(0, at::FIRST).store(u64::MAX, Relaxed)
        }),
        ("a first number near the end", |words| {
            words.lane(0, at::FIRST).store(u64::MAX / 2, Relaxed)
        }),
    ];
    for (what, forge) in forgeries {
        let ends = ends();
        forge(&ends.words);
        assert_eq!(ends.inbox.meet(0), Err(NoLine::Corrupt), "{what}");
        assert_eq!(ends.put(), Err(NoLine::Corrupt), "{what}");
        eventually(what, || ends.pool.statistics().in_use == 0);
    }
}

#[test]
fn a_phase_that_is_none_ends_the_line_at_both_ends() {
    for phase in [5, 6, 7, u64::MAX, 0, 1] {
        let ends = ends();
        ends.words.lane(0, at::STATE).store(phase, Relaxed);
        let state = ends.inbox.state(0);
        let expected = match phase {
            0 | 1 => LaneState::Free,
            _ => LaneState::Abandoned,
        };
        assert_eq!(state, expected);
        assert!(ends.put().is_err(), "{phase}");
        eventually("the slots", || ends.pool.statistics().in_use == 0);
        ends.inbox.release(0);
        assert_eq!(ends.inbox.state(0), LaneState::Free);
        assert!(Line::open(ends.inbox.address(), &owner("next", 0)).is_ok());
    }
}

#[test]
fn an_inbox_that_says_it_is_closed_ends_its_lines_whatever_the_number() {
    for closed in [1, 2, 3, u32::MAX] {
        let ends = ends();
        ends.words.head(at::CLOSED).store(closed, Relaxed);
        assert_eq!(ends.put(), Err(NoLine::Ended));
        let opened = Line::open(ends.inbox.address(), &owner("next", 0)).map(drop);
        assert_eq!(opened, Err(NoLine::Ended));
        if closed > 1 {
            eventually("the slots", || ends.pool.statistics().in_use == 0);
        }
    }
}

#[test]
fn a_bell_that_rings_without_end_or_not_at_all_costs_time_and_no_frame() {
    for value in [0, 1, u32::MAX] {
        let ends = ends();
        ends.words.head(at::RUNG).store(value, Relaxed);
        ends.words.head(at::SLEEPING).store(value, Relaxed);
        assert_eq!(ends.put(), Ok(true));
        for _ in 0..4 {
            assert!(matches!(ends.take(), Ok(Some(Ok(BYTES)))));
        }
        // With all ones nobody seems to sleep: the reader looks by itself within a second.
        std::thread::scope(|scope| {
            let inbox = &ends.inbox;
            let sleeper = scope.spawn(move || {
                while !inbox.has_unread(0) {
                    sleep_unless(&[inbox.bell()], Duration::MAX, || inbox.has_unread(0));
                }
            });
            ends.words.head(at::SLEEPING).store(u32::MAX, Relaxed);
            assert_eq!(ends.put(), Ok(true));
            sleeper.join().unwrap();
        });
    }
}

#[test]
fn a_head_that_is_no_inboxs_or_another_ones_is_not_opened() {
    let change = |what: &str, change: &dyn Fn(&Words), expected: NoLine| {
        let ends = ends();
        change(&ends.words);
        let opened = Line::open(ends.inbox.address(), &owner("next", 0)).map(drop);
        assert_eq!(opened, Err(expected), "{what}");
        assert_eq!(ends.put(), Ok(true), "who has it open goes on: {what}");
    };
    for (field, value) in [
        (at::VERSION, 1),
        (at::LANE_COUNT, 17),
        (at::CAPACITY, 0),
        (at::CAPACITY, 4097),
        (at::CAPACITY, u32::MAX),
        (at::OVERFLOW, 2),
    ] {
        let forge = |words: &Words| words.head(field).store(value, Relaxed);
        change(&format!("{field} {value}"), &forge, NoLine::Ended);
    }
    // Entries of these would lie behind the end of the file.
    for capacity in [2000, 4096] {
        let forge = |words: &Words| words.head(at::CAPACITY).store(capacity, Relaxed);
        change("another capacity", &forge, NoLine::Corrupt);
    }
    let forge = |words: &Words| {
        words.nonce().fetch_add(1, Relaxed);
    };
    change("another nonce", &forge, NoLine::Ended);
}

#[test]
fn an_inbox_whose_file_was_cut_lengthened_or_opened_to_others_before_is_not_opened() {
    let address = |change: &dyn Fn(&str)| {
        let pinner = Pinner::host_only();
        let inbox = Inbox::new(CAPACITY, Overflow::DropOldest, shm_clients(&pinner)).unwrap();
        // Copied, because this very process has the inbox mapped: a cut there is a SIGBUS, as with a segment.
        let path = at::path_of(inbox.address());
        let copy = format!("{path}.copy");
        std::fs::copy(&path, &copy).unwrap();
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(&copy, &path).unwrap();
        change(&path);
        let opened = Line::open(inbox.address(), &owner("next", 0)).map(drop);
        let _ = std::fs::remove_file(&path);
        opened
    };
    assert_eq!(address(&|_| ()), Ok(()), "an unchanged copy is an inbox");
    let cut = |bytes: u64| {
        move |path: &str| {
            let file = std::fs::OpenOptions::new().write(true).open(path);
            file.unwrap().set_len(bytes).unwrap();
        }
    };
    assert!(matches!(address(&cut(0)), Err(NoLine::Inbox { .. })));
    for bytes in [1, 100, 4096, 4097, 4096 + 128, 8192, 16 << 10] {
        let opened = address(&cut(bytes));
        assert!(
            matches!(opened, Err(NoLine::Ended | NoLine::Corrupt)),
            "{bytes}: {opened:?}"
        );
    }
    for bytes in [1 << 20, 5 << 30] {
        let opened = address(&cut(bytes));
        assert!(opened.is_err(), "{bytes}: {opened:?}");
        println!("{opened:?}");
    }
    let open_to_all = |path: &str| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).unwrap();
    };
    let opened = address(&open_to_all);
    assert!(
        matches!(&opened, Err(NoLine::Inbox { detail }) if detail.contains("666")),
        "{opened:?}"
    );
}
