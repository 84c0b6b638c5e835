//! Which rows are measured, and for how long: all of it takes less than three minutes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{arms::Arm, orders::Taking};

/// Bytes of a 1920x1080 RGBA frame.
pub const FRAME_BYTES: usize = 1920 * 1080 * 4;
const MIDDLE_BYTES: usize = 64 << 10;
pub const SMALL_BYTES: usize = 64;

/// How frames follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pace {
    Hertz(u32),
    FullSpeed,
}

pub const SLOW: Pace = Pace::Hertz(30);
const FAST: Pace = Pace::Hertz(1000);

/// Arms beside each other.
pub struct Row {
    pub bytes: usize,
    pub pace: Pace,
    pub consumers: usize,
    pub arms: Vec<(Arm, Taking)>,
    /// How often it is each arm's turn.
    pub turns: u32,
    pub turn: Duration,
}

/// The name of a row, by which the record has it.
pub fn name(bytes: usize, pace: Pace, consumers: usize) -> String {
    let pace = match pace {
        Pace::Hertz(hertz) => format!("{hertz} Hz"),
        Pace::FullSpeed => String::from("full speed"),
    };
    let plural = if consumers == 1 { "" } else { "s" };
    format!("{bytes} B, {pace}, {consumers} consumer{plural}")
}

impl Row {
    pub fn name(&self) -> String {
        name(self.bytes, self.pace, self.consumers)
    }

    /// Small frames are ahead of their consumer by more frames before they hold their producer up.
    pub fn slots(&self) -> u32 {
        if self.bytes > MIDDLE_BYTES { 8 } else { 64 }
    }
}

impl Pace {
    /// Nanoseconds between two frames; zero at full speed.
    pub fn period(self) -> u64 {
        match self {
            Self::Hertz(hertz) => 1_000_000_000 / u64::from(hertz),
            Self::FullSpeed => 0,
        }
    }
}

pub fn rows() -> Vec<Row> {
    let row = |bytes, pace, consumers, takings: &[Taking], turns, milliseconds| Row {
        bytes,
        pace,
        consumers,
        arms: arms(takings),
        turns,
        turn: Duration::from_millis(milliseconds),
    };
    let both = [Taking::Recv, Taking::Callback];
    let one = [Taking::Recv];
    vec![
        row(FRAME_BYTES, SLOW, 1, &both, 10, 500),
        row(FRAME_BYTES, FAST, 1, &one, 6, 250),
        row(FRAME_BYTES, Pace::FullSpeed, 1, &one, 10, 200),
        row(FRAME_BYTES, SLOW, 4, &one, 3, 500),
        row(MIDDLE_BYTES, SLOW, 1, &one, 3, 500),
        row(MIDDLE_BYTES, FAST, 1, &one, 6, 250),
        row(MIDDLE_BYTES, Pace::FullSpeed, 1, &one, 10, 200),
        row(SMALL_BYTES, SLOW, 1, &one, 3, 500),
        row(SMALL_BYTES, FAST, 1, &one, 6, 250),
        row(SMALL_BYTES, Pace::FullSpeed, 1, &both, 10, 200),
    ]
}

fn arms(takings: &[Taking]) -> Vec<(Arm, Taking)> {
    let arms = Arm::ALL.into_iter();
    let arms = arms.flat_map(|arm| takings.iter().map(move |taking| (arm, *taking)));
    arms.filter(|(arm, taking)| arm.can(*taking)).collect()
}
