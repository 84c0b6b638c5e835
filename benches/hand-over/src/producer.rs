//! The producer's process: writes frames and sends them, turn by turn.

use zenoh_pinned_measuring::{
    clock::{cpu_of_this_process, now, sleep_until},
    placement::{self, Half},
};

use crate::{
    Outcome,
    arms::{self, Outlet},
    frame::{self, Number},
    orders::{Orders, say},
    plan::Pace,
};

/// What the process is told, and answers when it is done.
pub const WARM_UP: &str = "warm-up";
/// With its number; the answer is what [`Turn::line`] says.
pub const TURN: &str = "turn";

/// While nobody counts, frames come at this distance, so that connections get made and memory gets touched.
const WARM_UP_PERIOD: u64 = 1_000_000;
/// A turn begins with as many frames that are not counted as go into this time, or two.
const TURN_WARM_UP: u64 = 50_000_000;

/// What a turn sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub sent: u64,
    pub missed: u64,
    pub cpu: u64,
}

impl Turn {
    fn line(self) -> String {
        format!("{} {} {}", self.sent, self.missed, self.cpu)
    }

    pub fn of(line: &str) -> Option<Self> {
        let mut numbers = line.split(' ').map(|number| number.parse().ok());
        Some(Self {
            sent: numbers.next()??,
            missed: numbers.next()??,
            cpu: numbers.next()??,
        })
    }
}

pub fn run(orders: &Orders) -> Outcome {
    placement::take_half(Half::Producers)?;
    let mut outlet = arms::outlet(orders)?;
    say("listening")?;
    for line in std::io::stdin().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some((TURN, number)) => {
                let turn = turn(outlet.as_mut(), orders, number.parse()?)?;
                say(&turn.line())?;
            }
            None if line == WARM_UP => {
                outlet.stand()?;
                warm_up(
                    outlet.as_mut(),
                    orders,
                    WARM_UP_PERIOD,
                    2 * u64::from(orders.slots),
                )?;
                say(WARM_UP)?;
            }
            _ => return Err(format!("{line:?} is nothing that a producer does").into()),
        }
    }
    send(outlet.as_mut(), orders, Number::Last)?;
    outlet.drain();
    Ok(())
}

fn turn(outlet: &mut dyn Outlet, orders: &Orders, number: u64) -> Outcome<Turn> {
    let period = orders.pace.period();
    let uncounted = match orders.pace {
        Pace::Hertz(_) => (TURN_WARM_UP / period).max(2),
        Pace::FullSpeed => u64::from(orders.slots),
    };
    warm_up(outlet, orders, period, uncounted)?;
    let cpu = cpu_of_this_process();
    let started = now();
    let until = started + orders.milliseconds * 1_000_000;
    let (mut sent, mut missed) = (0, 0);
    loop {
        let scheduled = started + (sent + missed) * period;
        if period > 0 {
            sleep_until(scheduled);
        }
        let now = now();
        if now.max(scheduled) >= until {
            break;
        }
        if period > 0 && now > scheduled + period {
            missed += 1;
            continue;
        }
        let number = Number::Counted {
            turn: number,
            index: sent,
        };
        send(outlet, orders, number)?;
        sent += 1;
    }
    let cpu = cpu_of_this_process() - cpu;
    Ok(Turn { sent, missed, cpu })
}

fn warm_up(outlet: &mut dyn Outlet, orders: &Orders, period: u64, frames: u64) -> Outcome {
    for _ in 0..frames {
        let next = now() + period;
        send(outlet, orders, Number::WarmUp)?;
        sleep_until(next);
    }
    Ok(())
}

fn send(outlet: &mut dyn Outlet, orders: &Orders, number: Number) -> Outcome {
    outlet.send(orders.bytes, &mut |bytes| {
        frame::write(bytes, number);
        frame::stamp(bytes, now());
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_read_as_it_was_said() {
        let turn = Turn {
            sent: 30,
            missed: 1,
            cpu: 123,
        };
        assert_eq!(Turn::of(&turn.line()), Some(turn));
        assert_eq!(Turn::of("30 1"), None);
    }
}
