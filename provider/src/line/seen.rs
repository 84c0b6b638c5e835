//! An inbox as somebody sees it who neither reads nor writes it: a copy of its head and lanes.

use super::{
    Overflow,
    layout::{Head, LANES, Lane, Phase},
};

/// Bytes at the start of an inbox, behind the header page, that say everything but the entries.
pub(crate) const SEEN_BYTES: usize = size_of::<Copied>();

/// What an inbox says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenInbox {
    pub(crate) capacity: u32,
    pub(crate) overflow: Overflow,
    /// Those that a publisher writes or has written.
    pub(crate) lanes: Vec<SeenLane>,
}

/// What a lane says of itself; positions are checked against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenLane {
    pub(crate) pid: u32,
    pub(crate) started: u64,
    pub(crate) key: String,
    pub(crate) written: u64,
    pub(crate) unread: u64,
    pub(crate) overwritten: u64,
}

/// What bytes behind a header page are.
pub(crate) enum Seen {
    /// No inbox: a pool's slots.
    Other,
    /// An inbox.
    Inbox(SeenInbox),
    /// An inbox of another version, or one in which somebody has written.
    Nonsense(&'static str),
}

#[repr(C)]
struct Copied {
    head: Head,
    lanes: [Lane; LANES],
}

impl Seen {
    /// The first [`SEEN_BYTES`] behind a header page; fewer are no inbox.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let Some(copied) = Copied::of(bytes) else {
            return Self::Other;
        };
        if !copied.head.claims_to_be_one() {
            return Self::Other;
        }
        let Some(terms) = copied.head.read() else {
            return Self::Nonsense(
                "it is an inbox of another version, or its head was overwritten",
            );
        };
        let mut lanes = Vec::new();
        for lane in &copied.lanes {
            let Some(state) = lane.state() else {
                return Self::Nonsense(
                    "it is an inbox, and a lane of it has a state that there is not",
                );
            };
            if matches!(state.phase, Phase::Free | Phase::Opening) {
                continue;
            }
            let written = lane.ring.written();
            let unread = lane.ring.unread(u64::from(terms.capacity));
            let (Ok(unread), Some(key)) = (unread, lane.read_key()) else {
                return Self::Nonsense("it is an inbox, and positions or a key in it cannot be");
            };
            lanes.push(SeenLane {
                pid: state.pid,
                // Relaxed: a copy that nobody writes.
                started: lane.started.load(std::sync::atomic::Ordering::Relaxed),
                key,
                written,
                unread,
                overwritten: lane.shown_overwritten().min(written),
            });
        }
        Self::Inbox(SeenInbox {
            capacity: terms.capacity,
            overflow: terms.overflow,
            lanes,
        })
    }
}

impl Copied {
    fn of(bytes: &[u8]) -> Option<Box<Self>> {
        let bytes = bytes.get(..size_of::<Self>())?;
        let mut copied = Box::<Self>::new_uninit();
        // SAFETY: the box has room for as many bytes, which do not overlap with it. It consists of atomics, for which any
        // bytes are valid, and padding, so it is initialised afterwards.
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                copied.as_mut_ptr().cast::<u8>(),
                bytes.len(),
            );
            Some(copied.assume_init())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(copied: &Copied) -> Vec<u8> {
        let bytes = std::ptr::from_ref(copied).cast::<u8>();
        // SAFETY: as many bytes are there, all of them initialised by `Copied::of`.
        unsafe { std::slice::from_raw_parts(bytes, size_of::<Copied>()) }.to_vec()
    }

    #[test]
    fn what_is_no_inbox_is_told_from_an_overwritten_one_at_every_byte() {
        assert!(matches!(Seen::of(&[0; 100]), Seen::Other));
        assert!(matches!(Seen::of(&vec![0; SEEN_BYTES]), Seen::Other));
        let copied = Copied::of(&vec![0; SEEN_BYTES]).unwrap();
        copied.head.write(super::super::layout::Terms {
            capacity: 4,
            overflow: Overflow::Refuse,
            nonce: 1,
        });
        let whole = bytes_of(&copied);
        let Seen::Inbox(inbox) = Seen::of(&whole) else {
            panic!("an inbox");
        };
        assert_eq!((inbox.capacity, inbox.overflow), (4, Overflow::Refuse));
        assert!(inbox.lanes.is_empty());
        for at in 0..SEEN_BYTES {
            for value in [1, 2, 0x7f, 0xff] {
                let mut scribbled = whole.clone();
                scribbled[at] = value;
                // It has to end, and to be read nowhere else.
                let _ = Seen::of(&scribbled);
            }
        }
    }
}
