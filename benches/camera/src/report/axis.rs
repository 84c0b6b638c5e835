//! What the logarithmic axis of a plot counts, and where it has its ticks.

/// Fewer say nothing about a logarithmic axis.
const FEWEST_TICKS: usize = 4;
/// What the ticks of a time are, times powers of ten: the first of these that gives enough of them.
const STEPS: [&[f64]; 4] = [
    &[1.0],
    &[1.0, 2.0, 5.0],
    &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
    &[
        1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0,
    ],
];

#[derive(Clone, Copy, Debug)]
pub(super) enum Axis {
    Microseconds,
    /// Of a copy.
    Bytes,
    Consumers,
}

impl Axis {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Microseconds => "time",
            Self::Bytes => "size of a copy",
            Self::Consumers => "number of consumers",
        }
    }

    /// Ticks from one not above `least` to one not below `most`.
    pub(super) fn ticks(self, least: f64, most: f64) -> Vec<f64> {
        match self {
            Self::Microseconds => {
                let all = STEPS.map(|steps| decimal(steps, least, most));
                let enough = all.iter().find(|ticks| ticks.len() >= FEWEST_TICKS);
                enough.or(all.last()).cloned().unwrap_or_default()
            }
            Self::Bytes => powers(4.0, least, most),
            Self::Consumers => powers(2.0, least, most),
        }
    }

    pub(super) fn label(self, value: f64) -> String {
        match self {
            Self::Microseconds => in_unit(value, 1000.0, [" us", " ms", " s"]),
            Self::Bytes => in_unit(value, 1024.0, [" B", " KiB", " MiB"]),
            Self::Consumers => in_unit(value, f64::INFINITY, ["", "", ""]),
        }
    }
}

/// In the largest of three units, each `step` times the one before.
fn in_unit(mut value: f64, step: f64, units: [&str; 3]) -> String {
    let mut unit = 0;
    while unit < 2 && value >= step {
        value /= step;
        unit += 1;
    }
    // Without what a power of ten has beside its digits.
    format!("{}{}", (value * 1e6).round() / 1e6, units[unit])
}

fn decimal(steps: &[f64], least: f64, most: f64) -> Vec<f64> {
    let least = least.max(1e-3);
    let powers = least.log10().floor() as i32..=most.max(least).log10().ceil() as i32;
    let of_power = |power| steps.iter().map(move |step| step * 10f64.powi(power));
    between(powers.flat_map(of_power).collect(), least, most)
}

fn powers(base: f64, least: f64, most: f64) -> Vec<f64> {
    let last = most.max(1.0).log(base).ceil() as i32;
    between(
        (0..=last).map(|power| base.powi(power)).collect(),
        least,
        most,
    )
}

/// What `least` and `most` lie between, of ticks in order.
fn between(mut ticks: Vec<f64>, least: f64, most: f64) -> Vec<f64> {
    if let Some(last) = ticks.iter().position(|tick| *tick >= most) {
        ticks.truncate(last + 1);
    }
    let first = ticks.iter().rposition(|tick| *tick <= least);
    ticks.split_off(first.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::Axis;

    fn labels(axis: Axis, least: f64, most: f64) -> Vec<String> {
        let ticks = axis.ticks(least, most).into_iter();
        ticks.map(|tick| axis.label(tick)).collect()
    }

    #[test]
    fn an_axis_of_times_has_several_ticks_however_short_it_is() {
        let times = |least, most| labels(Axis::Microseconds, least, most);
        let usual = [
            "100 us", "200 us", "500 us", "1 ms", "2 ms", "5 ms", "10 ms",
        ];
        assert_eq!(times(130.0, 9000.0), usual);
        let short = ["1 ms", "1.2 ms", "1.4 ms", "1.6 ms", "1.8 ms", "2 ms"];
        assert_eq!(times(1170.0, 1890.0), short);
        let long = ["1 us", "10 us", "100 us", "1 ms", "10 ms", "100 ms", "1 s"];
        assert_eq!(times(3.0, 250_000.0), long);
        assert!(times(8000.0, 8100.0).len() >= 2);
    }

    #[test]
    fn sizes_and_numbers_have_powers() {
        let sizes = labels(Axis::Bytes, 4096.0, 67_108_864.0);
        let powers = [
            "4 KiB", "16 KiB", "64 KiB", "256 KiB", "1 MiB", "4 MiB", "16 MiB", "64 MiB",
        ];
        assert_eq!(sizes, powers);
        assert_eq!(labels(Axis::Consumers, 1.0, 8.0), ["1", "2", "4", "8"]);
        assert_eq!(labels(Axis::Consumers, 1.0, 3.0), ["1", "2", "4"]);
    }
}
