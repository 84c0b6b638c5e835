//! The time that both processes share, and the rate at which frames are sent.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::stop::Stop;

/// Nanoseconds since 1970: unlike [`Instant`], it means the same in another process.
pub fn unix_ns() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// Keeps a steady frame rate.
#[derive(Debug)]
pub struct Pace {
    period: Option<Duration>,
    next: Option<Instant>,
}

impl Pace {
    /// A rate of 0 means no waiting at all.
    pub fn new(frames_per_second: f64) -> Self {
        let period =
            (frames_per_second > 0.0).then(|| Duration::from_secs_f64(1.0 / frames_per_second));
        Self { period, next: None }
    }

    /// Waits until the next frame is due.
    pub fn wait(&mut self, stop: &Stop) {
        let Some(period) = self.period else { return };
        let now = Instant::now();
        let due = self.next.unwrap_or(now);
        if due > now {
            stop.wait(due - now);
        }
        // A frame that is late by more than a period must not be made up for with a burst.
        let on_time = now < due + period;
        self.next = Some(if on_time { due + period } else { now + period });
    }
}
