//! The transition table: what is to be done about a slot, from what was seen of it. No effects.

use super::rounds::Doubt;

/// What a slot's header shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenHeader {
    /// References are out, and nobody has claimed the header.
    pub(super) held: bool,
    /// Nobody confirmed the chunk for a while; nobody new can come to hold it.
    pub(super) invalidated: bool,
    /// Somebody has confirmed the chunk since its bit was cleared last.
    pub(super) confirmed: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The slot is held, or free, or about to be freed by zenoh's collection.
    Leave,
    /// Clear the watchdog bit and note who is attached: from now on it counts who confirms.
    Suspect,
    /// Look again later; nobody is ruled in or out.
    Wait(Doubt),
    /// Nobody who could read the slot is left.
    TakeBack,
}

/// The verdict on a slot. `everybody_has_confirmed` is what is known since the slot was suspected, `None`
/// where it is not suspected yet.
pub(super) fn on(seen: SeenHeader, everybody_has_confirmed: Option<Result<(), Doubt>>) -> Verdict {
    if !seen.held || !seen.invalidated {
        return Verdict::Leave;
    }
    match everybody_has_confirmed {
        _ if seen.confirmed => Verdict::Suspect,
        None => Verdict::Suspect,
        Some(Err(doubt)) => Verdict::Wait(doubt),
        Some(Ok(())) => Verdict::TakeBack,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::quarantine::QuarantineReason, *};

    #[test]
    fn the_whole_table() {
        let stalled = Doubt::from(QuarantineReason::Stalled { pid: 1 });
        let evidence = [None, Some(Err(stalled.clone())), Some(Ok(()))];
        for bits in 0..8 {
            let seen = SeenHeader {
                held: bits & 1 != 0,
                invalidated: bits & 2 != 0,
                confirmed: bits & 4 != 0,
            };
            for known in &evidence {
                let expected = match (seen.held, seen.invalidated, seen.confirmed, known) {
                    (false, ..) | (_, false, ..) => Verdict::Leave,
                    (true, true, true, _) | (true, true, false, None) => Verdict::Suspect,
                    (true, true, false, Some(Err(_))) => Verdict::Wait(stalled.clone()),
                    (true, true, false, Some(Ok(()))) => Verdict::TakeBack,
                };
                assert_eq!(on(seen, known.clone()), expected, "{seen:?} {known:?}");
            }
        }
    }
}
