//! Numbers, told as ranges.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Numbers in ascending order, each once, kept and told as ranges: "3, 7-12".
///
/// ```
/// use matrices::store::Ranges;
///
/// let ranges: Ranges = [8, 3, 7, 7, 9].into_iter().collect();
/// assert_eq!(ranges.to_string(), "3, 7-9");
/// assert_eq!(serde_json::to_string(&ranges)?, "[[3,3],[7,9]]");
/// assert_eq!(ranges.count(), 4);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// How many numbers.
    pub fn count(&self) -> u64 {
        let counts = self
            .0
            .iter()
            .map(|(first, last)| (last - first).saturating_add(1));
        counts.fold(0, u64::saturating_add)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// First and last of each range.
    pub fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        self.0.iter().map(|(first, last)| *first..=*last)
    }

    /// Every number.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.ranges().flatten()
    }

    /// The numbers below `count` that are not among these.
    pub(super) fn gaps(&self, count: u64) -> Self {
        let mut gaps = Vec::new();
        let mut next = 0;
        for (first, last) in &self.0 {
            if next < count && *first > next {
                gaps.push((next, (first - 1).min(count - 1)));
            }
            next = last.saturating_add(1);
        }
        if next < count {
            gaps.push((next, count - 1));
        }
        Self(gaps)
    }

    /// Those below `count`, and those from it on.
    pub(super) fn split(&self, count: u64) -> (Self, Self) {
        let below = self.0.iter().filter(|(first, _)| *first < count);
        let below = below.map(|(first, last)| (*first, (*last).min(count.saturating_sub(1))));
        let beyond = self.0.iter().filter(|(_, last)| *last >= count);
        let beyond = beyond.map(|(first, last)| ((*first).max(count), *last));
        (Self(below.collect()), Self(beyond.collect()))
    }
}

impl FromIterator<u64> for Ranges {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        numbers.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some((_, last)) if number.saturating_sub(*last) <= 1 => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        Self(ranges)
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            match first == last {
                true => write!(formatter, "{comma}{first}")?,
                false => write!(formatter, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}
