//! How many workers a pool should have.
//!
//! Holds: one decision, and since when there have been too many. No effect, no lock, no clock; the supervisor tells the load
//! a few times a second and does what comes out.
//!
//! Wanted are as many as the predicted requests keep busy for four fifths of their time; one more where requests have waited
//! for too long at each look of a quarter of a second, with none starting; one at least, at once, where something is
//! queued; all of it within the terms. Too many are those that would be busy for less than three fifths, at each look of as
//! long as the terms say. Between the two nothing happens, so a load that wavers by less than a seventh up and down starts
//! no worker that it ends again.
//!
//! | pressure | starts | ends |
//! |---|---|---|
//! | low | as many as are wanted | idle ones that are too many |
//! | normal | one at a time | the same |
//! | high | none | none |
//! | critical | none | every idle one, also the last, below the least of the terms |
//!
//! Invariants: no worker that works is ended; a look that starts workers ends none.
//!
//! Knowingly weak: under high and critical pressure a pool without workers gets none, and what is queued waits for its deadline.
//! Whether another worker finds a free processor is not looked at.

use std::{
    fmt,
    time::{Duration, Instant},
};

use zenoh_pinned::Pressure;

/// How many workers a pool may have, and how soon that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingTerms {
    /// The fewest workers, except under critical pressure. At most `most`.
    pub least: usize,
    /// The most workers.
    pub most: usize,
    /// How long a request may wait in the queue without another worker being started for it. To be more than requests are
    /// held back for a batch.
    pub aim_wait: Duration,
    /// A worker is idle that has had nothing for so long. Only idle ones are ended.
    pub idle_after: Duration,
    /// For how long there have to be too many before one is ended.
    pub shrink_after: Duration,
}

impl Default for ScalingTerms {
    /// One to four workers; a wait of 20 ms is fine; idle after 30 s, ended after 5 s.
    fn default() -> Self {
        Self {
            least: 1,
            most: 4,
            aim_wait: Duration::from_millis(20),
            idle_after: Duration::from_secs(30),
            shrink_after: Duration::from_secs(5),
        }
    }
}

/// What a pool has to do, and with whom.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Requests that no worker has yet.
    pub queued: usize,
    /// How long the oldest of them has waited; zero where there is none.
    pub longest_wait: Duration,
    /// Requests per second at the time when a worker that is started now would be ready.
    pub predicted_per_second: f64,
    /// How long one worker takes for one request, in a batch as they are; 0 where that is not known.
    pub seconds_per_request: f64,
    /// Workers that are alive and were not asked to end.
    pub workers: usize,
    /// Of these, those that are not ready yet.
    pub starting: usize,
    /// Of these, those that have been idle for long enough.
    pub idle: usize,
    /// How near the host is to its limit of memory.
    pub pressure: Pressure,
}

/// Why workers are started or ended, or are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScaleReason {
    /// There are as many as are wanted, or not many more.
    Enough,
    /// There are fewer than the least.
    Least,
    /// Something is queued, and there is no worker.
    FirstRequest,
    /// More requests are predicted than they can answer.
    Rate,
    /// Requests wait for too long.
    Waiting,
    /// More are wanted, but one is starting, and the pressure allows one at a time.
    OneAtATime,
    /// More would be wanted, but there are as many as there may be.
    Most,
    /// There have been too many for long enough, and some are idle.
    Surplus,
    /// There are too many, but not for long enough, or none of them is idle.
    NotYet,
    /// More or fewer would be wanted, but the pressure is high.
    HighPressure,
    /// The pressure is critical: all idle ones end.
    CriticalPressure,
}

impl fmt::Display for ScaleReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Enough => "enough",
            Self::Least => "below the least",
            Self::FirstRequest => "first request",
            Self::Rate => "predicted rate",
            Self::Waiting => "waiting too long",
            Self::OneAtATime => "one at a time",
            Self::Most => "at the most",
            Self::Surplus => "surplus",
            Self::NotYet => "surplus, not yet",
            Self::HighPressure => "high pressure",
            Self::CriticalPressure => "critical pressure",
        })
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// How many workers to start.
    pub start: usize,
    /// How many idle ones to end.
    pub evict: usize,
    /// Why.
    pub reason: ScaleReason,
    /// How many workers the load asks for within the terms, whatever the pressure allows.
    pub wanted: usize,
}

/// The most of its time that a worker is to be busy, and the least before it is one too many.
const BUSY: f64 = 0.8;
const TOO_FREE: f64 = 0.6;
/// So few workers are none: else the last crumb of a rate would keep one.
const CRUMB: f64 = 0.01;

/// Requests have to wait for too long for so long: what passes by itself is over before a worker has started.
const LATE_FOR: Duration = Duration::from_millis(250);

/// There have been too many since then, and this many were needed at most.
#[derive(Clone, Copy, Debug)]
struct Surplus {
    since: Instant,
    needed: usize,
}

/// Decides for one pool.
#[derive(Clone, Debug)]
pub struct Scaler {
    terms: ScalingTerms,
    /// Requests have waited for too long, and no worker was starting, at each look since then.
    late_since: Option<Instant>,
    surplus: Option<Surplus>,
}

impl Scaler {
    /// Nothing has been seen yet.
    pub fn new(terms: ScalingTerms) -> Self {
        Self {
            terms,
            late_since: None,
            surplus: None,
        }
    }

    /// What to do with this load at this time.
    pub fn decide(&mut self, load: &Load, now: Instant) -> Scaling {
        // What is queued while one starts is not late: that one may do.
        let is_late = self.is_late(load) && load.starting == 0;
        self.late_since = is_late.then(|| self.late_since.unwrap_or(now));
        let (asked, cause) = self.asked(load, now);
        let wanted = asked.min(self.terms.most);
        let (start, evict, reason) = if load.pressure >= Pressure::Critical {
            self.surplus = None;
            (0, load.idle, ScaleReason::CriticalPressure)
        } else if wanted > load.workers {
            self.surplus = None;
            let (start, reason) = grow(load, wanted - load.workers, cause);
            (start, 0, reason)
        } else if asked > load.workers {
            self.surplus = None;
            (0, 0, ScaleReason::Most)
        } else {
            let (evict, reason) = self.shrink(load, now);
            (0, evict, reason)
        };
        Scaling {
            start,
            evict,
            reason,
            wanted,
        }
    }

    /// How many workers this load asks for, were there no most, and what makes it so many.
    fn asked(&self, load: &Load, now: Instant) -> (usize, ScaleReason) {
        let late_for = self
            .late_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let is_late = load.workers > 0 && late_for >= LATE_FOR;
        let each = [
            (self.terms.least, ScaleReason::Least),
            (usize::from(load.queued > 0), ScaleReason::FirstRequest),
            (by_rate(load, BUSY), ScaleReason::Rate),
            (
                usize::from(is_late) * (load.workers + 1),
                ScaleReason::Waiting,
            ),
        ];
        // The first of the highest.
        each.into_iter()
            .rev()
            .max_by_key(|(count, _)| *count)
            .unwrap_or((0, ScaleReason::Enough))
    }

    fn shrink(&mut self, load: &Load, now: Instant) -> (usize, ScaleReason) {
        let needed = self.needed(load);
        if needed >= load.workers {
            self.surplus = None;
            return (0, ScaleReason::Enough);
        }
        let surplus = self.surplus.get_or_insert(Surplus { since: now, needed });
        surplus.needed = surplus.needed.max(needed);
        if load.pressure >= Pressure::High {
            return (0, ScaleReason::HighPressure);
        }
        let lasted = now.saturating_duration_since(surplus.since);
        let evict = load.idle.min(load.workers.saturating_sub(surplus.needed));
        if evict == 0 || lasted < self.terms.shrink_after {
            return (0, ScaleReason::NotYet);
        }
        self.surplus = None;
        (evict, ScaleReason::Surplus)
    }

    /// How many have to stay: as are wanted, but those too that are only a little too free.
    fn needed(&self, load: &Load) -> usize {
        let waiting = if self.is_late(load) {
            load.workers
        } else {
            usize::from(load.queued > 0)
        };
        let needed = by_rate(load, TOO_FREE).max(waiting).max(self.terms.least);
        needed.min(self.terms.most)
    }

    fn is_late(&self, load: &Load) -> bool {
        load.longest_wait > self.terms.aim_wait
    }
}

/// How many workers the predicted requests keep busy for that share of their time. Where nobody knows how long a request
/// takes, those that there are, as long as anything comes.
fn by_rate(load: &Load, share: f64) -> usize {
    let rate = load.predicted_per_second;
    if load.seconds_per_request > 0.0 {
        let busy = rate * load.seconds_per_request / share;
        // Saturates, and is zero for what is no number.
        (busy - CRUMB).ceil() as usize
    } else if rate > CRUMB {
        load.workers
    } else {
        0
    }
}

fn grow(load: &Load, more: usize, cause: ScaleReason) -> (usize, ScaleReason) {
    match (load.pressure, load.starting) {
        (Pressure::Low, _) => (more, cause),
        (Pressure::Normal, 0) => (1, cause),
        (Pressure::Normal, _) => (0, ScaleReason::OneAtATime),
        _ => (0, ScaleReason::HighPressure),
    }
}

#[cfg(test)]
mod tests;
