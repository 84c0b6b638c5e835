//! Failures on purpose, to see that a pool bears them.
//!
//! Holds: what is to fail how often, and the dice that decide it. No effect: whoever asks has to do the harm.
//!
//! Invariants: without a wish for harm there is none; the same seed and the same questions give the same answers, and each
//! kind of question has its own row of answers, so one kind asked more often does not change another.

use std::sync::atomic::{AtomicU64, Ordering};

use zenoh_pinned::Pressure;

/// What is to fail on purpose. By default nothing is.
///
/// ```
/// use zenoh_pinned_workers::Chaos;
///
/// let chaos = Chaos { worker_failure_rate: 0.01, seed: 7, ..Chaos::default() }; // a batch of a hundred kills its worker
/// assert!(!chaos.network_partition);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Chaos {
    /// The share of batches, from 0 to 1, whose worker is killed.
    pub worker_failure_rate: f64,
    /// The share of requests, from 0 to 1, that are lost on their way, so that only their deadline ends them.
    pub request_timeout_rate: f64,
    /// Whether the host seems to be short of memory from time to time.
    pub memory_pressure_simulation: bool,
    /// Whether messages of workers are lost from time to time, many in a row.
    pub network_partition: bool,
    /// Another seed, another row of failures.
    pub seed: u64,
}

/// Of so many messages the last [`LOST`] are lost.
const MESSAGES: u64 = 256;
const LOST: u64 = 32;
/// Of so many looks at the pressure the last [`CRITICAL`] find it critical, and as many before them high.
const LOOKS: u64 = 64;
const CRITICAL: u64 = 16;

/// Decides what fails, by a seed.
#[derive(Debug)]
pub struct ChaosDice {
    chaos: Chaos,
    kills: SplitMix64,
    losses: SplitMix64,
    messages: u64,
    looks: AtomicU64,
}

impl ChaosDice {
    /// New dice: their rows of answers begin.
    pub fn new(chaos: Chaos) -> Self {
        let mut seeds = SplitMix64(chaos.seed);
        Self {
            chaos,
            kills: SplitMix64(seeds.next()),
            losses: SplitMix64(seeds.next()),
            messages: 0,
            looks: AtomicU64::new(0),
        }
    }

    /// Whether the worker is killed that is given a batch. To be asked once a batch.
    pub fn kills_a_worker(&mut self) -> bool {
        self.kills.falls_below(self.chaos.worker_failure_rate)
    }

    /// Whether a request is lost. To be asked once a request.
    pub fn loses_a_request(&mut self) -> bool {
        self.losses.falls_below(self.chaos.request_timeout_rate)
    }

    /// The pressure that is to be believed where this is the real one: never less, and from time to time, counted in
    /// questions, high and then critical.
    pub fn pressure(&self, real: Pressure) -> Pressure {
        if !self.chaos.memory_pressure_simulation {
            return real;
        }
        let look = self.looks.fetch_add(1, Ordering::Relaxed) % LOOKS;
        if look >= LOOKS - CRITICAL {
            real.max(Pressure::Critical)
        } else if look >= LOOKS - 2 * CRITICAL {
            real.max(Pressure::High)
        } else {
            real
        }
    }

    /// Whether a message of a worker is lost. To be asked once a message.
    pub fn drops_a_message(&mut self) -> bool {
        if !self.chaos.network_partition {
            return false;
        }
        let message = self.messages % MESSAGES;
        self.messages = self.messages.wrapping_add(1);
        message >= MESSAGES - LOST
    }
}

/// Sebastiano Vigna's generator: any seed is a good one.
#[derive(Clone, Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True as often as that share from 0 to 1 says.
    fn falls_below(&mut self, rate: f64) -> bool {
        // The upper 53 bits are a number from 0 up to but not 1.
        let number = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        number < rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Chaos = Chaos {
        worker_failure_rate: 0.1,
        request_timeout_rate: 0.02,
        memory_pressure_simulation: true,
        network_partition: true,
        seed: 42,
    };

    fn row(dice: &mut ChaosDice, mut ask: impl FnMut(&mut ChaosDice) -> bool) -> Vec<bool> {
        (0..10_000).map(|_| ask(dice)).collect()
    }

    fn share(row: &[bool]) -> f64 {
        row.iter().filter(|harm| **harm).count() as f64 / row.len() as f64
    }

    #[test]
    fn the_generator_is_splitmix64() {
        // The reference's first numbers for the seed 1234567.
        let mut generator = SplitMix64(1_234_567);
        let numbers = [(); 3].map(|()| generator.next());
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn nothing_fails_by_default() {
        let mut dice = ChaosDice::new(Chaos::default());
        for _ in 0..10_000 {
            assert!(!dice.kills_a_worker() && !dice.loses_a_request() && !dice.drops_a_message());
            assert_eq!(dice.pressure(Pressure::Normal), Pressure::Normal);
        }
    }

    #[test]
    fn a_rate_is_the_share_that_fails() {
        let mut dice = ChaosDice::new(ALL);
        let kills = share(&row(&mut dice, ChaosDice::kills_a_worker));
        let losses = share(&row(&mut dice, ChaosDice::loses_a_request));
        assert!((kills - 0.1).abs() < 0.01, "{kills}");
        assert!((losses - 0.02).abs() < 0.005, "{losses}");
        for (rate, expected) in [
            (0.0, 0.0),
            (-1.0, 0.0),
            (f64::NAN, 0.0),
            (1.0, 1.0),
            (9.0, 1.0),
        ] {
            let mut dice = ChaosDice::new(Chaos {
                worker_failure_rate: rate,
                ..ALL
            });
            assert_eq!(share(&row(&mut dice, ChaosDice::kills_a_worker)), expected);
        }
    }

    #[test]
    fn a_seed_gives_the_same_failures_whatever_else_is_asked() {
        let alone = row(&mut ChaosDice::new(ALL), ChaosDice::kills_a_worker);
        let beside = row(&mut ChaosDice::new(ALL), |dice| {
            dice.loses_a_request();
            dice.drops_a_message();
            dice.kills_a_worker()
        });
        assert_eq!(alone, beside);
        let another = Chaos { seed: 43, ..ALL };
        assert_ne!(
            alone,
            row(&mut ChaosDice::new(another), ChaosDice::kills_a_worker)
        );
    }

    #[test]
    fn messages_are_lost_in_stretches_and_the_first_ones_are_not() {
        let lost = row(&mut ChaosDice::new(ALL), ChaosDice::drops_a_message);
        let stretches = lost.chunk_by(|left, right| left == right);
        let stretches: Vec<_> = stretches
            .map(|stretch| (stretch[0], stretch.len()))
            .collect();
        assert_eq!(
            stretches[..4],
            [(false, 224), (true, 32), (false, 224), (true, 32)]
        );
    }

    #[test]
    fn the_pressure_is_never_less_than_the_real_one_and_comes_back() {
        let dice = ChaosDice::new(ALL);
        let believed: Vec<_> = (0..128).map(|_| dice.pressure(Pressure::Low)).collect();
        let stretches = believed.chunk_by(|left, right| left == right);
        let stretches: Vec<_> = stretches
            .map(|stretch| (stretch[0], stretch.len()))
            .collect();
        let once = [
            (Pressure::Low, 32),
            (Pressure::High, 16),
            (Pressure::Critical, 16),
        ];
        assert_eq!(stretches, [once, once].concat());
        for _ in 0..128 {
            assert_eq!(dice.pressure(Pressure::Critical), Pressure::Critical);
        }
    }
}
