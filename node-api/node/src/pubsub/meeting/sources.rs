//! What a subscriber knows of its publishers: which frames of each come by a lane, which by zenoh, and what waits for what.
//! A table without effects; the note of `meeting` has the rules.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use super::token::Source;

/// How long a lane waits for earlier frames that may still come by zenoh.
pub(in crate::pubsub) const JOIN_PATIENCE: Duration = Duration::from_millis(200);

/// How many publishers are remembered of which no lane is open.
const REMEMBERED: usize = 256;

/// What to do with a frame that zenoh has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pubsub) enum ByZenoh {
    /// It is for the application.
    Deliver,
    /// The lane has it.
    Double,
    /// Later ones have been handed out already: it is lost.
    Late,
}

#[derive(Debug)]
struct Known {
    /// The lane that it has, or had.
    lane: Option<Lane>,
    /// The last number that came by zenoh and was no double.
    last: Option<u64>,
    /// How many of those wait to be taken.
    waiting: usize,
    /// The highest number there was, to complete zenoh's 32 bits.
    highest: u64,
    /// When something was heard of it last, by the count of `Sources`.
    heard: u64,
}

#[derive(Debug)]
struct Lane {
    number: usize,
    first: u64,
    /// One behind the last frame that the lane has; `None` while it is open.
    end: Option<u64>,
    /// Since when it is open, until all earlier frames have come.
    joining: Option<Instant>,
    /// Whether something has been taken out of it.
    has_begun: bool,
}

/// Of a lane that is open: whose it is, and whether nothing of its publisher is waited for any more.
#[derive(Debug)]
struct Open {
    source: Source,
    is_settled: Cell<bool>,
    has_begun: bool,
}

/// See the module's note.
#[derive(Debug, Default)]
pub(in crate::pubsub) struct Sources {
    known: HashMap<Source, Known>,
    lanes: BTreeMap<usize, Open>,
    /// Counts what is heard of publishers.
    heard: u64,
}

impl Sources {
    /// A lane of `source` is open, and has its frames from `first` on. `by_zenoh`: whether the subscriber would have got
    /// earlier ones by zenoh.
    pub(in crate::pubsub) fn opened(
        &mut self,
        number: usize,
        source: Source,
        first: u64,
        by_zenoh: bool,
        now: Instant,
    ) {
        let open = Open {
            source,
            is_settled: Cell::new(false),
            has_begun: false,
        };
        self.lanes.insert(number, open);
        let known = self.hear(source);
        known.highest = known.highest.max(first);
        let has_all = !by_zenoh || first == 0 || known.last.is_some_and(|last| last + 1 >= first);
        known.lane = Some(Lane {
            number,
            first,
            end: None,
            joining: (!has_all).then_some(now),
            has_begun: false,
        });
    }

    /// The lane has no frames from `end` on.
    pub(in crate::pubsub) fn ended(&mut self, number: usize, end: u64) {
        if let Some(Open { source, .. }) = self.lanes.remove(&number)
            && let Some(known) = self.known.get_mut(&source)
            && let Some(lane) = &mut known.lane
            && lane.number == number
        {
            lane.end = Some(end);
            lane.joining = None;
            self.hear(source);
        }
    }

    /// What zenoh has brought: the frame that its publisher numbered so, modulo 2^32. `end_of`: one behind the last frame
    /// of a lane that its publisher has closed.
    pub(in crate::pubsub) fn came_by_zenoh(
        &mut self,
        source: Source,
        number: u32,
        end_of: impl FnOnce(usize) -> Option<u64>,
    ) -> ByZenoh {
        let known = self.hear(source);
        // Wrapping by design: the nearest number with these 32 bits.
        let ahead = number.wrapping_sub(known.highest as u32) as i32;
        let number = known.highest.saturating_add_signed(i64::from(ahead));
        known.highest = known.highest.max(number);
        if let Some(lane) = &mut known.lane
            && number >= lane.first
        {
            lane.joining = None;
            let end = lane.end.or_else(|| end_of(lane.number));
            if end.is_none_or(|end| number < end) {
                return ByZenoh::Double;
            }
        } else if known.lane.as_ref().is_some_and(|lane| lane.has_begun) {
            return ByZenoh::Late;
        }
        known.last = Some(number);
        known.waiting += 1;
        let number_of_lane = known.lane.as_ref().map(|lane| lane.number);
        if let Some(lane) = &mut known.lane
            && known.last.is_some_and(|last| last + 1 == lane.first)
        {
            lane.joining = None;
        }
        if let Some(open) = number_of_lane.and_then(|lane| self.lanes.get(&lane)) {
            open.is_settled.set(false);
        }
        ByZenoh::Deliver
    }

    /// Something is taken out of the lane: what comes by zenoh of earlier frames is late.
    pub(in crate::pubsub) fn begins(&mut self, number: usize) {
        let Some(open) = self.lanes.get_mut(&number) else {
            return;
        };
        if std::mem::replace(&mut open.has_begun, true) {
            return;
        }
        let known = self.known.get_mut(&open.source);
        if let Some(lane) = known.and_then(|known| known.lane.as_mut())
            && lane.number == number
        {
            lane.has_begun = true;
        }
    }

    /// A frame that had come by zenoh waits no more.
    pub(in crate::pubsub) fn was_taken(&mut self, source: Source) {
        if let Some(known) = self.known.get_mut(&source) {
            known.waiting = known.waiting.saturating_sub(1);
        }
    }

    /// Whether what is in the lane may be handed out now: all earlier frames have been.
    pub(in crate::pubsub) fn may_take(&self, number: usize, now: impl FnOnce() -> Instant) -> bool {
        let Some(open) = self.lanes.get(&number) else {
            return false;
        };
        if open.is_settled.get() {
            return true;
        }
        let Some(known) = self.known.get(&open.source) else {
            return false;
        };
        let joining = known.lane.as_ref().and_then(|lane| lane.joining);
        let has_joined =
            joining.is_none_or(|since| now().saturating_duration_since(since) >= JOIN_PATIENCE);
        let may_take = has_joined && self.waits_in_front(known) == 0;
        open.is_settled.set(may_take && joining.is_none());
        may_take
    }

    /// Frames that came by zenoh after a lane's end wait behind it, not in front.
    fn waits_in_front(&self, known: &Known) -> usize {
        let is_behind = known
            .lane
            .as_ref()
            .is_some_and(|lane| known.last.is_some_and(|last| last >= lane.first));
        match is_behind {
            true => 0,
            false => known.waiting,
        }
    }

    /// Whether a frame of this source that came by zenoh has to wait for what is in its lane.
    pub(in crate::pubsub) fn waits_for_lane(&self, source: Source) -> Option<usize> {
        let known = self.known.get(&source)?;
        let lane = known.lane.as_ref()?;
        let is_open = self
            .lanes
            .get(&lane.number)
            .is_some_and(|open| open.source == source);
        (is_open && known.last.is_some_and(|last| last >= lane.first)).then_some(lane.number)
    }

    /// Whether all earlier frames of the lane's publisher have come.
    pub(in crate::pubsub) fn has_joined(&self, number: usize) -> bool {
        let open = self.lanes.get(&number);
        let known = open.and_then(|open| self.known.get(&open.source));
        let lane = known.and_then(|known| known.lane.as_ref());
        lane.is_some_and(|lane| lane.joining.is_none())
    }

    /// When a lane that waits for earlier frames waits no more, at the latest.
    pub(in crate::pubsub) fn next_patience(&self, now: Instant) -> Option<Duration> {
        let lanes = self.lanes.values();
        let lanes = lanes.filter_map(|open| self.known.get(&open.source));
        let joining = lanes.filter_map(|known| known.lane.as_ref()?.joining);
        joining
            .map(|since| (since + JOIN_PATIENCE).saturating_duration_since(now))
            .min()
    }

    /// What is known of a publisher of which something is heard now. Forgets the one of which nothing has been heard for
    /// longest, so that publishers that come and go without end are no matter: doubles of a newer one may still be on
    /// their way.
    fn hear(&mut self, source: Source) -> &mut Known {
        let is_new = !self.known.contains_key(&source);
        if is_new && self.known.len() >= REMEMBERED + self.lanes.len() {
            let open: HashSet<_> = self.lanes.values().map(|open| open.source).collect();
            let idle = self.known.iter();
            let idle = idle.filter(|(source, known)| known.waiting == 0 && !open.contains(*source));
            let oldest = idle.min_by_key(|(_, known)| known.heard);
            if let Some(source) = oldest.map(|(source, _)| *source) {
                self.known.remove(&source);
            }
        }
        self.heard += 1;
        let known = self.known.entry(source).or_insert(Known::NEW);
        known.heard = self.heard;
        known
    }
}

impl Known {
    const NEW: Self = Self {
        lane: None,
        last: None,
        waiting: 0,
        highest: 0,
        heard: 0,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = (1, 2);
    const OPEN: fn(usize) -> Option<u64> = |_| None;

    fn joined(first: u64, by_zenoh: bool) -> (Sources, Instant) {
        let (mut sources, now) = (Sources::default(), Instant::now());
        sources.opened(3, SOURCE, first, by_zenoh, now);
        (sources, now)
    }

    #[test]
    fn a_lane_from_the_first_frame_on_or_without_a_subscription_waits_for_nothing() {
        for (first, by_zenoh) in [(0, true), (0, false), (9, false)] {
            let (sources, now) = joined(first, by_zenoh);
            assert!(sources.may_take(3, || now), "{first} {by_zenoh}");
        }
    }

    #[test]
    fn a_lane_waits_until_the_frame_before_it_has_been_handed_out() {
        let (mut sources, now) = joined(9, true);
        assert!(!sources.may_take(3, || now));
        assert_eq!(sources.came_by_zenoh(SOURCE, 7, OPEN), ByZenoh::Deliver);
        assert!(!sources.may_take(3, || now) && !sources.has_joined(3));
        assert_eq!(sources.came_by_zenoh(SOURCE, 8, OPEN), ByZenoh::Deliver);
        assert!(
            sources.has_joined(3) && !sources.may_take(3, || now),
            "two wait in front"
        );
        sources.was_taken(SOURCE);
        assert!(!sources.may_take(3, || now));
        sources.was_taken(SOURCE);
        assert!(sources.may_take(3, || now));
    }

    #[test]
    fn a_double_is_dropped_and_says_that_all_earlier_ones_have_come() {
        let (mut sources, now) = joined(9, true);
        assert_eq!(sources.came_by_zenoh(SOURCE, 10, OPEN), ByZenoh::Double);
        assert!(sources.may_take(3, || now));
        assert_eq!(sources.came_by_zenoh(SOURCE, 11, OPEN), ByZenoh::Double);
    }

    #[test]
    fn a_frame_before_the_lane_that_zenoh_has_dropped_is_waited_for_no_longer_than_patience() {
        let (sources, now) = joined(9, true);
        assert_eq!(sources.next_patience(now), Some(JOIN_PATIENCE));
        assert!(!sources.may_take(3, || now + JOIN_PATIENCE / 2));
        assert!(sources.may_take(3, || now + JOIN_PATIENCE));
    }

    #[test]
    fn what_zenoh_brings_after_patience_is_lost_rather_than_out_of_order() {
        let (mut sources, now) = joined(9, true);
        assert_eq!(sources.came_by_zenoh(SOURCE, 7, OPEN), ByZenoh::Deliver);
        sources.was_taken(SOURCE);
        assert!(sources.may_take(3, || now + JOIN_PATIENCE));
        sources.begins(3);
        assert_eq!(sources.came_by_zenoh(SOURCE, 8, OPEN), ByZenoh::Late);
        assert!(sources.may_take(3, || now + JOIN_PATIENCE));
        assert_eq!(sources.came_by_zenoh(SOURCE, 9, OPEN), ByZenoh::Double);
        sources.ended(3, 12);
        assert_eq!(sources.came_by_zenoh(SOURCE, 8, OPEN), ByZenoh::Late);
        assert_eq!(sources.came_by_zenoh(SOURCE, 12, OPEN), ByZenoh::Deliver);
    }

    #[test]
    fn a_lane_that_opens_after_the_frame_before_it_has_come_waits_for_nothing() {
        let mut sources = Sources::default();
        for number in 0..9 {
            assert_eq!(
                sources.came_by_zenoh(SOURCE, number, OPEN),
                ByZenoh::Deliver
            );
            sources.was_taken(SOURCE);
        }
        let now = Instant::now();
        sources.opened(3, SOURCE, 9, true, now);
        assert!(sources.may_take(3, || now));
    }

    #[test]
    fn after_a_lanes_end_zenoh_goes_on_behind_it_and_late_doubles_stay_doubles() {
        let (mut sources, now) = joined(0, true);
        // Its publisher has closed the lane at 5, and goes on by zenoh, before this end has seen it.
        let closed = |_| Some(5);
        assert_eq!(sources.came_by_zenoh(SOURCE, 4, closed), ByZenoh::Double);
        assert_eq!(sources.came_by_zenoh(SOURCE, 5, closed), ByZenoh::Deliver);
        assert!(
            sources.may_take(3, || now),
            "what is in the lane comes first"
        );
        assert_eq!(sources.waits_for_lane(SOURCE), Some(3));
        sources.ended(3, 5);
        assert_eq!(sources.waits_for_lane(SOURCE), None);
        assert!(!sources.may_take(3, || now));
        assert_eq!(sources.came_by_zenoh(SOURCE, 3, OPEN), ByZenoh::Double);
        assert_eq!(sources.came_by_zenoh(SOURCE, 6, OPEN), ByZenoh::Deliver);
    }

    #[test]
    fn numbers_of_32_bits_are_completed_by_the_nearest() {
        let end = u64::from(u32::MAX);
        let (mut sources, _) = joined(end - 1, true);
        assert_eq!(
            sources.came_by_zenoh(SOURCE, u32::MAX - 2, OPEN),
            ByZenoh::Deliver
        );
        for number in [u32::MAX - 1, u32::MAX, 0, 1] {
            assert_eq!(
                sources.came_by_zenoh(SOURCE, number, OPEN),
                ByZenoh::Double,
                "{number}"
            );
        }
    }

    #[test]
    fn sources_are_told_apart_and_publishers_that_come_and_go_are_forgotten() {
        let (mut sources, now) = joined(0, true);
        for other in 0..10_000 {
            assert_eq!(sources.came_by_zenoh((7, other), 0, OPEN), ByZenoh::Deliver);
            sources.was_taken((7, other));
        }
        assert!(sources.known.len() <= REMEMBERED + 1);
        assert!(sources.may_take(3, || now), "the open one is remembered");
        assert_eq!(sources.came_by_zenoh(SOURCE, 1, OPEN), ByZenoh::Double);
    }

    #[test]
    fn of_publishers_that_come_and_go_the_last_ones_are_remembered_whose_doubles_may_still_come() {
        let mut sources = Sources::default();
        let now = Instant::now();
        for publisher in 0..1_000 {
            sources.opened(3, (7, publisher), 0, true, now);
            sources.ended(3, 5);
            for late in publisher.saturating_sub(100)..=publisher {
                let came = sources.came_by_zenoh((7, late), 4, OPEN);
                assert_eq!(came, ByZenoh::Double, "{late} after {publisher}");
            }
        }
    }
}
