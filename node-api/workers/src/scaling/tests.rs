use super::{ScaleReason::*, *};

const TERMS: ScalingTerms = ScalingTerms {
    least: 1,
    most: 8,
    aim_wait: Duration::from_millis(20),
    idle_after: Duration::from_secs(30),
    shrink_after: Duration::from_secs(5),
};
const LATE: Duration = Duration::from_millis(21);

/// So many workers, none idle, with nothing to do.
fn workers(workers: usize) -> Load {
    Load {
        workers,
        seconds_per_request: 0.1,
        ..Load::default()
    }
}

/// Requests that keep so many workers busy.
fn busy(count: f64, load: Load) -> Load {
    Load {
        predicted_per_second: count * 10.0,
        ..load
    }
}

fn queued(longest_wait: Duration, load: Load) -> Load {
    Load {
        queued: 1,
        longest_wait,
        ..load
    }
}

fn idle(load: Load) -> Load {
    let idle = load.workers;
    Load { idle, ..load }
}

fn starting(load: Load) -> Load {
    Load {
        starting: 1,
        ..load
    }
}

fn under(pressure: Pressure, load: Load) -> Load {
    Load { pressure, ..load }
}

/// What is decided where it has been like that for so long.
fn after(seconds: f64, terms: ScalingTerms, load: Load) -> (usize, usize, ScaleReason, usize) {
    let start = Instant::now();
    let mut scaler = Scaler::new(terms);
    let looks = (seconds * 10.0) as u32;
    for look in 0..looks {
        scaler.decide(&load, start + Duration::from_millis(100) * look);
    }
    let decided = scaler.decide(&load, start + Duration::from_millis(100) * looks);
    (decided.start, decided.evict, decided.reason, decided.wanted)
}

#[test]
fn each_load_gets_what_the_table_says() {
    let none = ScalingTerms { least: 0, ..TERMS };
    let fine = Duration::from_millis(20);
    let unknown = |load| Load {
        seconds_per_request: 0.0,
        ..load
    };
    let starting_half = starting(workers(2));
    let table = [
        // Nothing to do.
        (0.0, TERMS, workers(0), (1, 0, Least, 1)),
        (0.0, TERMS, workers(1), (0, 0, Enough, 1)),
        (0.0, none, workers(0), (0, 0, Enough, 0)),
        (0.0, none, busy(0.005, workers(0)), (0, 0, Enough, 0)),
        // The first request.
        (0.0, TERMS, queued(fine, workers(0)), (1, 0, Least, 1)),
        (0.0, none, queued(fine, workers(0)), (1, 0, FirstRequest, 1)),
        (0.0, none, queued(LATE, workers(0)), (1, 0, FirstRequest, 1)),
        (
            0.0,
            none,
            queued(fine, busy(2.0, workers(0))),
            (3, 0, Rate, 3),
        ),
        // By the rate: four fifths of three workers is 2.4.
        (0.0, TERMS, busy(2.39, workers(1)), (2, 0, Rate, 3)),
        (0.0, TERMS, busy(2.41, workers(1)), (3, 0, Rate, 4)),
        (0.0, TERMS, busy(0.005, workers(1)), (0, 0, Enough, 1)),
        (0.0, TERMS, busy(99.0, workers(1)), (7, 0, Rate, 8)),
        (0.0, TERMS, busy(99.0, workers(8)), (0, 0, Most, 8)),
        (0.0, TERMS, busy(f64::INFINITY, workers(1)), (7, 0, Rate, 8)),
        (0.0, TERMS, busy(f64::NAN, workers(1)), (0, 0, Enough, 1)),
        (0.0, TERMS, busy(-1.0, workers(1)), (0, 0, Enough, 1)),
        // By the wait, where it lasts, and not while one is starting.
        (0.2, TERMS, queued(LATE, workers(2)), (0, 0, Enough, 1)),
        (0.3, TERMS, queued(LATE, workers(2)), (1, 0, Waiting, 3)),
        (0.3, TERMS, queued(fine, workers(2)), (0, 0, NotYet, 1)),
        (0.3, TERMS, queued(LATE, starting_half), (0, 0, Enough, 1)),
        (0.3, TERMS, queued(LATE, workers(8)), (0, 0, Most, 8)),
        // How long a request takes is not known.
        (
            9.0,
            TERMS,
            unknown(busy(2.0, idle(workers(3)))),
            (0, 0, Enough, 3),
        ),
        (
            0.3,
            TERMS,
            unknown(queued(LATE, workers(2))),
            (1, 0, Waiting, 3),
        ),
        (5.0, TERMS, unknown(idle(workers(3))), (0, 2, Surplus, 1)),
        // Too many: three fifths of two workers is 1.2.
        (4.9, TERMS, busy(1.19, idle(workers(3))), (0, 0, NotYet, 2)),
        (5.0, TERMS, busy(1.19, idle(workers(3))), (0, 1, Surplus, 2)),
        (9.0, TERMS, busy(1.22, idle(workers(3))), (0, 0, Enough, 2)),
        (9.0, TERMS, busy(1.19, workers(3)), (0, 0, NotYet, 2)),
        (5.0, TERMS, idle(workers(3)), (0, 2, Surplus, 1)),
        (5.0, none, idle(workers(3)), (0, 3, Surplus, 0)),
        (
            5.0,
            none,
            queued(fine, idle(workers(3))),
            (0, 2, Surplus, 1),
        ),
        (
            0.2,
            TERMS,
            queued(LATE, idle(workers(3))),
            (0, 0, Enough, 1),
        ),
    ];
    for (seconds, terms, load, expected) in table {
        assert_eq!(
            after(seconds, terms, load),
            expected,
            "{seconds} s of {load:?}"
        );
    }
}

#[test]
fn each_pressure_allows_what_the_table_says() {
    use Pressure::{Critical, High, Low, Normal};
    let none = ScalingTerms { least: 0, ..TERMS };
    let few = busy(3.0, workers(1));
    let first = queued(LATE, workers(0));
    let many = idle(workers(3));
    let table = [
        (0.0, TERMS, Low, few, (3, 0, Rate, 4)),
        (0.0, TERMS, Normal, few, (1, 0, Rate, 4)),
        (0.0, TERMS, High, few, (0, 0, HighPressure, 4)),
        (0.0, TERMS, Critical, few, (0, 0, CriticalPressure, 4)),
        (0.0, TERMS, Low, starting(few), (3, 0, Rate, 4)),
        (0.0, TERMS, Normal, starting(few), (0, 0, OneAtATime, 4)),
        (0.0, none, Low, first, (1, 0, FirstRequest, 1)),
        (0.0, none, Normal, first, (1, 0, FirstRequest, 1)),
        (9.0, none, High, first, (0, 0, HighPressure, 1)),
        (9.0, none, Critical, first, (0, 0, CriticalPressure, 1)),
        (5.0, TERMS, Low, many, (0, 2, Surplus, 1)),
        (5.0, TERMS, Normal, many, (0, 2, Surplus, 1)),
        (5.0, TERMS, High, many, (0, 0, HighPressure, 1)),
        // At once, and below the least.
        (0.0, TERMS, Critical, many, (0, 3, CriticalPressure, 1)),
        (0.0, TERMS, High, workers(1), (0, 0, Enough, 1)),
    ];
    for (seconds, terms, pressure, load, expected) in table {
        let decided = after(seconds, terms, under(pressure, load));
        assert_eq!(
            decided, expected,
            "{pressure} after {seconds} s of {load:?}"
        );
    }
}

#[test]
fn terms_with_more_least_than_most_keep_to_the_most() {
    let odd = ScalingTerms {
        least: 9,
        most: 2,
        ..TERMS
    };
    assert_eq!(after(0.0, odd, workers(0)).0, 2);
    assert_eq!(after(9.0, odd, idle(workers(2))), (0, 0, Most, 2));
}

#[test]
fn what_was_queued_while_a_worker_started_is_no_reason_for_another() {
    let start = Instant::now();
    let mut scaler = Scaler::new(TERMS);
    let mut decide = |tenth: u64, load: Load| {
        let decided = scaler.decide(&load, start + Duration::from_millis(100 * tenth));
        (decided.start, decided.evict)
    };
    let waiting = queued(LATE, workers(1));
    for tenth in 0..20 {
        assert_eq!(decide(tenth, starting(waiting)), (0, 0));
    }
    assert_eq!(decide(20, waiting), (0, 0));
    assert_eq!(decide(22, waiting), (0, 0));
    assert_eq!(decide(23, waiting), (1, 0));
}

#[test]
fn one_look_at_which_they_are_needed_keeps_them_for_another_while() {
    let start = Instant::now();
    let mut scaler = Scaler::new(TERMS);
    let mut decide = |second, load: Load| {
        let decided = scaler.decide(&load, start + Duration::from_secs(second));
        (decided.start, decided.evict)
    };
    let free = idle(workers(4));
    assert_eq!(decide(0, free), (0, 0));
    assert_eq!(decide(4, busy(2.0, free)), (0, 0));
    assert_eq!(decide(5, free), (0, 0));
    assert_eq!(decide(9, free), (0, 0));
    assert_eq!(decide(10, free), (0, 3));
}

#[test]
fn as_many_stay_as_were_needed_at_any_look() {
    let start = Instant::now();
    let mut scaler = Scaler::new(TERMS);
    let mut decide = |second, load: Load| {
        let decided = scaler.decide(&load, start + Duration::from_secs(second));
        (decided.start, decided.evict)
    };
    let free = idle(workers(6));
    decide(0, free);
    decide(2, busy(1.7, free)); // three of them
    assert_eq!(decide(5, free), (0, 3));
    // The next ones have to be too many for as long again.
    let free = idle(workers(3));
    assert_eq!(decide(6, free), (0, 0));
    assert_eq!(decide(11, free), (0, 2));
}

#[test]
fn no_look_starts_and_ends_workers_or_ends_more_than_are_idle() {
    let mut random = Random(3);
    let start = Instant::now();
    let mut scaler = Scaler::new(TERMS);
    for look in 0..100_000 {
        let workers = random.up_to(10);
        let load = Load {
            queued: random.up_to(3),
            longest_wait: Duration::from_millis(random.up_to(40) as u64),
            predicted_per_second: random.up_to(100) as f64,
            seconds_per_request: random.up_to(10) as f64 / 100.0,
            workers,
            starting: random.up_to(workers),
            idle: random.up_to(workers),
            pressure: [
                Pressure::Low,
                Pressure::Normal,
                Pressure::High,
                Pressure::Critical,
            ][random.up_to(3)],
        };
        let decided = scaler.decide(&load, start + Duration::from_millis(500) * look);
        assert!(decided.start == 0 || decided.evict == 0, "{load:?}");
        assert!(decided.evict <= load.idle && decided.wanted <= TERMS.most);
        assert!(decided.start == 0 || load.workers + decided.start <= TERMS.most);
    }
}

#[test]
fn a_load_that_wavers_by_less_than_a_seventh_never_ends_a_worker_that_it_started() {
    let mut random = Random(1);
    for mean in (1..=60).map(|tenths| f64::from(tenths) / 10.0) {
        let mut scaler = Scaler::new(TERMS);
        let mut now = Instant::now();
        let mut count = 0;
        for _ in 0..3000 {
            // As bad as it can be: each of them is always idle.
            let wavering = mean * (0.87 + 0.26 * random.share());
            let decided = scaler.decide(&busy(wavering, idle(workers(count))), now);
            assert_eq!(decided.evict, 0, "{mean} with {count}");
            count += decided.start;
            now += Duration::from_millis(100);
        }
        assert!(count as f64 >= mean, "{mean} with {count}");
    }
}

#[test]
fn a_pool_with_a_constant_load_comes_to_rest() {
    let mut random = Random(7);
    for per_second in [5, 30, 60, 200] {
        for cost_ms in [1, 4, 15, 30] {
            let mut pool = Pool::new();
            let gap = 1000.0 / f64::from(per_second);
            let mut next = 0.0;
            let mut changes = Vec::new();
            for millisecond in 0..240_000_u64 {
                while next <= millisecond as f64 {
                    pool.arrive(millisecond);
                    // Each comes up to a quarter of the gap too early or too late.
                    next += gap * (0.75 + 0.5 * random.share());
                }
                if pool.step(millisecond, cost_ms) {
                    changes.push(millisecond);
                }
            }
            let late = changes.iter().filter(|change| **change > 60_000).count();
            let case = format!("{per_second} per second of {cost_ms} ms: {changes:?}");
            assert_eq!(late, 0, "{case}");
            let busy = f64::from(per_second) * cost_ms as f64 / 1000.0;
            let enough = (busy / TOO_FREE).ceil().min(TERMS.most as f64);
            // One more may have been started for what had queued up at the beginning.
            assert!(pool.workers.len() as f64 <= enough + 1.0, "{case}");
            assert!(pool.queue.len() < 3, "{case}");
        }
    }
}

/// A pool of workers that take a second to start, in steps of a millisecond.
struct Pool {
    start: Instant,
    scaler: Scaler,
    arrivals: crate::arrivals::Arrivals,
    /// When each request came.
    queue: std::collections::VecDeque<u64>,
    /// Until when each worker is busy, or starting.
    workers: Vec<u64>,
}

impl Pool {
    fn new() -> Self {
        let start = Instant::now();
        Self {
            start,
            scaler: Scaler::new(TERMS),
            arrivals: crate::arrivals::Arrivals::new(start),
            queue: Default::default(),
            workers: Vec::new(),
        }
    }

    fn arrive(&mut self, now: u64) {
        self.queue.push_back(now);
        self.arrivals.record(1);
    }

    /// Whether a worker was started or ended.
    fn step(&mut self, now: u64, cost: u64) -> bool {
        // The first that is free, so that the others can become idle.
        for until in &mut self.workers {
            if *until <= now && self.queue.pop_front().is_some() {
                *until = now + cost;
            }
        }
        if !now.is_multiple_of(100) {
            return false;
        }
        let at = self.start + Duration::from_millis(now);
        self.arrivals.tick(at);
        let is_idle = |until: &u64| until + TERMS.idle_after.as_millis() as u64 <= now;
        let longest_wait = self.queue.front().map_or(0, |came| now - came);
        let load = Load {
            queued: self.queue.len(),
            longest_wait: Duration::from_millis(longest_wait),
            predicted_per_second: self.arrivals.predicted(Duration::from_secs(1)),
            seconds_per_request: cost as f64 / 1000.0,
            workers: self.workers.len(),
            starting: self
                .workers
                .iter()
                .filter(|until| **until > now + 100)
                .count(),
            idle: self.workers.iter().filter(|until| is_idle(until)).count(),
            pressure: Pressure::Low,
        };
        let decided = self.scaler.decide(&load, at);
        for _ in 0..decided.evict {
            let place = self.workers.iter().position(is_idle);
            self.workers.remove(place.unwrap());
        }
        let started = self.workers.len() + decided.start;
        self.workers.resize(started, now + 1000);
        decided.start + decided.evict > 0
    }
}

/// A linear congruential generator.
struct Random(u64);

impl Random {
    fn share(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn up_to(&mut self, most: usize) -> usize {
        (self.share() * (most + 1) as f64) as usize
    }
}
