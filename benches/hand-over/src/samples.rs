//! Times, and what is said of them.

use std::fmt;

use serde_json::{Value, json};

/// In microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    pub p50: f64,
    pub p99: f64,
    pub samples: usize,
}

impl Summary {
    pub fn of(nanoseconds: &mut [u32]) -> Self {
        nanoseconds.sort_unstable();
        let at = |part: usize| {
            let index = nanoseconds.len().saturating_sub(1) * part / 100;
            let sample = nanoseconds.get(index).copied();
            sample.map_or(f64::NAN, |sample| f64::from(sample) / 1000.0)
        };
        Self {
            p50: at(50),
            p99: at(99),
            samples: nanoseconds.len(),
        }
    }
}

impl From<Summary> for Value {
    fn from(summary: Summary) -> Self {
        json!({ "p50": summary.p50, "p99": summary.p99, "samples": summary.samples })
    }
}

/// What an arm's turns gave together.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    pub nanoseconds: Vec<u32>,
    pub sent: u64,
    /// Periods that passed without a frame because the producer was held up.
    pub missed: u64,
    pub lost: u64,
    pub repeated: u64,
    /// CPU nanoseconds of the producer, and of all consumers.
    pub producer_cpu: u64,
    pub consumer_cpu: u64,
    /// Frames per second that a consumer received in a turn.
    pub rates: Vec<f64>,
}

/// What is said of an arm: times in microseconds, CPU times for each frame that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    pub in_hand: Summary,
    pub producer_cpu: f64,
    pub consumer_cpu: f64,
    /// The median of the turns.
    pub frames_per_second: f64,
    sent: u64,
    missed: u64,
    lost: u64,
    repeated: u64,
}

impl Figures {
    pub const HEADING: &str = "                          p50 us    p99 us  CPU us a frame: producer  consumers  \
                               frames/s  samples  missed  lost  twice";

    pub fn of(mut taken: Taken) -> Self {
        let of_each = |cpu: u64| cpu as f64 / taken.sent as f64 / 1000.0;
        let (producer_cpu, consumer_cpu) =
            (of_each(taken.producer_cpu), of_each(taken.consumer_cpu));
        taken.rates.sort_unstable_by(f64::total_cmp);
        let middle = taken.rates.get(taken.rates.len() / 2);
        Self {
            in_hand: Summary::of(&mut taken.nanoseconds),
            producer_cpu,
            consumer_cpu,
            frames_per_second: middle.copied().unwrap_or(f64::NAN),
            sent: taken.sent,
            missed: taken.missed,
            lost: taken.lost,
            repeated: taken.repeated,
        }
    }

    /// Of both sides.
    pub fn cpu(&self) -> f64 {
        self.producer_cpu + self.consumer_cpu
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { p50, p99, samples } = self.in_hand;
        write!(
            text,
            "{p50:8.1}{p99:10.1}{:26.1}{:11.1}{:10.0}{samples:9}{:8}{:6}{:7}",
            self.producer_cpu,
            self.consumer_cpu,
            self.frames_per_second,
            self.missed,
            self.lost,
            self.repeated
        )
    }
}

impl From<&Figures> for Value {
    fn from(figures: &Figures) -> Self {
        json!({
            "p50": figures.in_hand.p50,
            "p99": figures.in_hand.p99,
            "samples": figures.in_hand.samples,
            "producer_cpu_us_per_frame": figures.producer_cpu,
            "consumer_cpu_us_per_frame": figures.consumer_cpu,
            "frames_per_second": figures.frames_per_second,
            "sent": figures.sent,
            "missed": figures.missed,
            "lost": figures.lost,
            "repeated": figures.repeated,
        })
    }
}
