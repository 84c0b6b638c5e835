//! What was aimed at, and whether it was reached.

use zenoh_pinned_measuring::aim::{Aim, Bound};

use crate::{
    arms::{self, Arm},
    orders::Taking,
    plan::{self, FRAME_BYTES, Pace, SLOW, SMALL_BYTES},
    samples::{Figures, Summary},
};

pub fn of(measured: &[(String, Vec<(String, Figures)>)], allocation: &Summary) -> Vec<Aim> {
    let of = |bytes, pace, arm, number: fn(&Figures) -> f64| {
        let (row, arm) = (plan::name(bytes, pace, 1), arms::name(arm, Taking::Recv));
        let arms = measured.iter().find(|(name, _)| *name == row);
        let found = arms.and_then(|(_, arms)| arms.iter().find(|(name, _)| *name == arm));
        found.map_or(f64::NAN, |(_, figures)| number(figures))
    };
    let in_hand = |arm| of(FRAME_BYTES, SLOW, arm, |figures| figures.in_hand.p50);
    let cpu = |arm| of(FRAME_BYTES, SLOW, arm, Figures::cpu);
    let rate = |bytes, arm| {
        of(bytes, Pace::FullSpeed, arm, |figures| {
            figures.frames_per_second
        })
    };
    let aim = |aim, value, bound, limit| Aim {
        aim,
        value,
        bound,
        limit,
    };
    vec![
        aim(
            "8.3 MB at 30 Hz in hand, p50, alone, times iceoryx2's",
            in_hand(Arm::Alone) / in_hand(Arm::Iceoryx),
            Bound::AtMost,
            0.6,
        ),
        aim(
            "8.3 MB at 30 Hz in hand, p50, alone, times a bare wake-up's",
            in_hand(Arm::Alone) / in_hand(Arm::Floor),
            Bound::AtMost,
            1.8,
        ),
        aim(
            "8.3 MB at 30 Hz in hand, p50, beside zenoh, times iceoryx2's",
            in_hand(Arm::BesideZenoh) / in_hand(Arm::Iceoryx),
            Bound::AtMost,
            1.3,
        ),
        aim(
            "8.3 MB at 30 Hz, CPU time a frame of both sides, alone, times iceoryx2's",
            cpu(Arm::Alone) / cpu(Arm::Iceoryx),
            Bound::AtMost,
            1.0,
        ),
        aim(
            "8.3 MB at full speed, frames per second, alone, times iceoryx2's",
            rate(FRAME_BYTES, Arm::Alone) / rate(FRAME_BYTES, Arm::Iceoryx),
            Bound::AtLeast,
            1.0,
        ),
        aim(
            "64 B at full speed, frames per second, alone, times zenoh's",
            rate(SMALL_BYTES, Arm::Alone) / rate(SMALL_BYTES, Arm::Zenoh),
            Bound::AtLeast,
            5.0,
        ),
        aim(
            "allocation of 64 B and its free, p50 us",
            allocation.p50,
            Bound::AtMost,
            1.0,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::samples::Taken;

    #[test]
    fn what_was_not_measured_is_not_reached() {
        let allocation = Summary {
            p50: 0.5,
            p99: 1.0,
            samples: 1,
        };
        // One arm of the row is there, the other is not.
        let row = plan::name(FRAME_BYTES, SLOW, 1);
        let figures = Figures::of(Taken {
            nanoseconds: vec![1000],
            sent: 1,
            ..Taken::default()
        });
        let peer = arms::name(Arm::Iceoryx, Taking::Recv);
        let aims = of(&[(row, vec![(peer, figures)])], &allocation);
        let reached: Vec<_> = aims.iter().map(Aim::reached).collect();
        assert_eq!(reached, [false, false, false, false, false, false, true]);
        assert_eq!(Value::from(&aims[0])["value"], Value::Null);
    }

    #[test]
    fn a_limit_is_from_above_or_from_below() {
        let aim = |value, bound| Aim {
            aim: "",
            value,
            bound,
            limit: 1.0,
        };
        assert!(aim(1.0, Bound::AtMost).reached() && aim(1.0, Bound::AtLeast).reached());
        assert!(!aim(1.1, Bound::AtMost).reached() && aim(1.1, Bound::AtLeast).reached());
        assert!(aim(0.9, Bound::AtMost).reached() && !aim(0.9, Bound::AtLeast).reached());
    }
}
