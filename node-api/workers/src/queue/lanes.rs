//! What waits to be drawn: which jobs make the next batch, and when.
//!
//! Holds: for each key the jobs that wait, by priority; a job's number says when it came. Jobs that a worker has died with
//! wait apart and are drawn alone, so that one bad job takes no other with it again.
//!
//! Which goes first: a job that a worker died with; then the most urgent priority, in it the oldest job; but one draw in
//! [`OLDEST_EACH`] begins with the oldest job of all, so that no priority waits for ever. The rest of a batch is filled with
//! jobs of the same key, urgent ones first.
//!
//! Pure: the time is an argument.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::request::Priority;

/// Each how manieth draw begins with whatever has waited longest.
const OLDEST_EACH: u64 = 8;
const PRIORITIES: usize = Priority::ALL.len();

pub(super) type JobId = u64;
type Key = Arc<str>;

/// When a batch is worth drawing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batching {
    /// How many make a full one.
    pub(crate) size: usize,
    /// How long the first waits for others.
    pub(crate) delay: Duration,
}

#[derive(Debug)]
pub(super) struct Lanes {
    batching: Batching,
    lanes: HashMap<Key, Lane>,
    /// The oldest job of each key, by priority.
    heads: [BTreeSet<(JobId, Key)>; PRIORITIES],
    suspects: BTreeSet<JobId>,
    waiting: usize,
    draws: u64,
}

#[derive(Debug, Default)]
struct Lane {
    jobs: [BTreeSet<JobId>; PRIORITIES],
    /// When each came, the oldest first.
    since: BTreeSet<(Instant, JobId)>,
}

impl Lane {
    fn is_ready(&self, batching: Batching, now: Instant) -> bool {
        let oldest = self.since.first();
        let has_waited = oldest.is_some_and(|(since, _)| *since + batching.delay <= now);
        has_waited || self.since.len() >= batching.size || !self.jobs[0].is_empty()
    }
}

impl Lanes {
    pub(super) fn new(batching: Batching) -> Self {
        Self {
            batching,
            lanes: HashMap::new(),
            heads: Default::default(),
            suspects: BTreeSet::new(),
            waiting: 0,
            draws: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    pub(super) fn insert(&mut self, job: JobId, key: &Key, priority: Priority, since: Instant) {
        let lane = self.lanes.entry(key.clone()).or_default();
        let at = priority as usize;
        let head = lane.jobs[at].first().copied();
        lane.jobs[at].insert(job);
        lane.since.insert((since, job));
        self.waiting += 1;
        if head.is_none_or(|head| job < head) {
            if let Some(head) = head {
                self.heads[at].remove(&(head, key.clone()));
            }
            self.heads[at].insert((job, key.clone()));
        }
    }

    /// A job that a worker has died with.
    pub(super) fn insert_suspect(&mut self, job: JobId) {
        self.waiting += usize::from(self.suspects.insert(job));
    }

    pub(super) fn remove(&mut self, job: JobId, key: &Key, priority: Priority, since: Instant) {
        if self.suspects.remove(&job) {
            self.waiting -= 1;
            return;
        }
        let Some(lane) = self.lanes.get_mut(key) else {
            return;
        };
        let at = priority as usize;
        let was_head = lane.jobs[at].first() == Some(&job);
        if !lane.jobs[at].remove(&job) {
            return;
        }
        lane.since.remove(&(since, job));
        self.waiting -= 1;
        if was_head {
            self.heads[at].remove(&(job, key.clone()));
            if let Some(next) = lane.jobs[at].first() {
                self.heads[at].insert((*next, key.clone()));
            }
        }
        if lane.since.is_empty() {
            self.lanes.remove(key);
        }
    }

    /// The next batch, which is not removed; empty where none is worth drawing yet.
    pub(super) fn draw(&mut self, now: Instant) -> Vec<JobId> {
        if let Some(suspect) = self.suspects.first() {
            return vec![*suspect];
        }
        let is_ready = |key: &Key| {
            let lane = self.lanes.get(key);
            lane.is_some_and(|lane| lane.is_ready(self.batching, now))
        };
        let ready = |heads: &BTreeSet<(JobId, Key)>| {
            let ready = heads.iter().find(|(_, key)| is_ready(key));
            ready.cloned()
        };
        let oldest_first = self.draws % OLDEST_EACH == OLDEST_EACH - 1;
        let mut heads = self.heads.iter().filter_map(ready);
        let first = match oldest_first {
            true => heads.min(),
            false => heads.next(),
        };
        let Some((first, key)) = first else {
            return Vec::new();
        };
        self.draws += 1;
        let lane = &self.lanes[&key];
        let others = lane.jobs.iter().flatten().copied();
        let others = others.filter(|job| *job != first);
        std::iter::once(first)
            .chain(others)
            .take(self.batching.size)
            .collect()
    }

    /// When a batch will be worth drawing that is not yet, if no other job comes.
    pub(super) fn ready_at(&self) -> Option<Instant> {
        let oldest = self.lanes.values().filter_map(|lane| lane.since.first());
        let oldest = oldest.map(|(since, _)| *since).min()?;
        Some(oldest + self.batching.delay)
    }

    /// When the oldest job came that waits.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let oldest = self.lanes.values().filter_map(|lane| lane.since.first());
        oldest.map(|(since, _)| *since).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Priority::{Batch, Critical, High, Low, Normal};

    fn lanes(size: usize, delay: u64) -> (Lanes, Instant) {
        let delay = Duration::from_millis(delay);
        (Lanes::new(Batching { size, delay }), Instant::now())
    }

    fn key(name: &str) -> Key {
        name.into()
    }

    /// Draws and removes.
    fn drawn(lanes: &mut Lanes, now: Instant, all: &[(JobId, &str, Priority)]) -> Vec<JobId> {
        let batch = lanes.draw(now);
        for job in &batch {
            let (_, name, priority) = all.iter().find(|(id, ..)| id == job).unwrap();
            lanes.remove(*job, &key(name), *priority, now);
        }
        batch
    }

    fn filled(size: usize, all: &[(JobId, &str, Priority)]) -> (Lanes, Instant) {
        let (mut lanes, now) = lanes(size, 0);
        for (job, name, priority) in all {
            lanes.insert(*job, &key(name), *priority, now);
        }
        (lanes, now)
    }

    #[test]
    fn the_most_urgent_go_first_and_batches_have_one_key() {
        let all = [
            (1, "a", Batch),
            (2, "a", Normal),
            (3, "b", High),
            (4, "a", Critical),
            (5, "b", High),
            (6, "a", Low),
        ];
        let (mut lanes, now) = filled(3, &all);
        assert_eq!(drawn(&mut lanes, now, &all), [4, 2, 6]);
        assert_eq!(drawn(&mut lanes, now, &all), [3, 5]);
        assert_eq!(drawn(&mut lanes, now, &all), [1]);
        assert_eq!((drawn(&mut lanes, now, &all), lanes.len()), (vec![], 0));
        assert!(lanes.lanes.is_empty() && lanes.heads.iter().all(BTreeSet::is_empty));
    }

    #[test]
    fn the_least_urgent_is_not_starved() {
        let (mut lanes, now) = lanes(1, 0);
        lanes.insert(0, &key(""), Batch, now);
        let mut draws = 0;
        for job in 1.. {
            lanes.insert(job, &key(""), Critical, now);
            let drawn = lanes.draw(now);
            draws += 1;
            if drawn == [0] {
                break;
            }
            lanes.remove(drawn[0], &key(""), Critical, now);
        }
        assert_eq!(draws, OLDEST_EACH);
    }

    #[test]
    fn a_batch_waits_to_be_full_but_no_longer_than_its_delay_and_never_if_it_is_critical() {
        let (mut lanes, now) = lanes(2, 5);
        lanes.insert(1, &key(""), Normal, now);
        assert!(lanes.draw(now).is_empty());
        assert_eq!(lanes.ready_at(), Some(now + Duration::from_millis(5)));
        assert_eq!(lanes.draw(now + Duration::from_millis(5)), [1]);
        lanes.insert(2, &key(""), Low, now);
        assert_eq!(lanes.draw(now), [1, 2]);
        lanes.remove(2, &key(""), Low, now);
        lanes.insert(3, &key("other"), Critical, now);
        assert_eq!(lanes.draw(now), [3]);
    }

    #[test]
    fn what_a_worker_has_died_with_comes_first_and_alone() {
        let all = [(1, "", Normal), (2, "", Critical)];
        let (mut lanes, now) = filled(8, &all);
        lanes.insert_suspect(7);
        lanes.insert_suspect(8);
        assert_eq!((lanes.draw(now), lanes.len()), (vec![7], 4));
        lanes.remove(7, &key(""), Normal, now);
        lanes.remove(8, &key(""), Normal, now);
        assert_eq!(drawn(&mut lanes, now, &all), [2, 1]);
    }

    #[test]
    fn a_job_that_comes_back_keeps_its_place() {
        let all = [(1, "", Normal), (2, "", Normal), (3, "", Normal)];
        let (mut lanes, now) = filled(1, &all);
        lanes.remove(1, &key(""), Normal, now);
        lanes.insert(1, &key(""), Normal, now);
        assert_eq!(lanes.draw(now), [1]);
    }
}
