//! Rounds of this process's own confirmator, counted by a buffer that it holds for that alone.
//!
//! Of other processes only the sleeps of the confirmator's thread can be seen, and page faults may be sleeps as well: a
//! process that attaches new memory all the time, as one whose consumers come and go, could never be ruled out. Of this one
//! more can be seen: a round sets the watchdog bit of every buffer that is held, once; so the bit of a buffer that is always
//! held, cleared after each look, tells that the confirmator has come by since.
//!
//! Who may write what: the reclaiming thread clears the bit; zenoh's confirmator sets it. zenoh's validator finds it clear at
//! some time and gives the buffer up, which changes nothing here.

use std::cell::RefCell;

use zenoh::shm::ZShm;

use super::{
    headers::{HeaderPlace, Headers},
    probe,
};

/// So many times it has to have come by. The first may have been before the question; between the second and the third a
/// whole round lies: whatever it visits before this buffer in the one after, and behind it in the one before. One more is a
/// margin.
pub(super) const NEEDED: u64 = 4;

struct OwnRounds {
    place: HeaderPlace,
    seen: u64,
    _held: ZShm,
}

thread_local! {
    static OWN: RefCell<Option<OwnRounds>> = const { RefCell::new(None) };
}

/// Begins to count on this thread. Without a buffer for it this process is looked at as any other.
pub(super) fn begin(headers: &mut Headers) {
    let own = probe::held_buffer(headers).map(|(place, held)| OwnRounds {
        place,
        seen: 0,
        _held: held,
    });
    OWN.set(own);
}

/// How often the confirmator has been seen to have come by; `None` where it is not counted on this thread.
pub(super) fn seen() -> Option<u64> {
    OWN.with_borrow_mut(|own| {
        let own = own.as_mut()?;
        if own.place.is_confirmed() {
            own.place.clear_confirmation();
            own.seen += 1;
        }
        Some(own.seen)
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn the_confirmator_of_this_process_is_seen_to_come_by_again_and_again() {
        assert_eq!(seen(), None);
        let mut headers = Headers::default();
        assert!(probe::layout_is_known(&mut headers).unwrap());
        begin(&mut headers);
        let begun = Instant::now();
        while seen().unwrap() < 2 * NEEDED {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "it does not come by"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        // Each time takes a round.
        assert!(begun.elapsed() > Duration::from_millis(50) * (2 * NEEDED as u32 - 2));
    }
}
