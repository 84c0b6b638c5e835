//! From the rounds of an arm to its figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{arm::Arm, consumer::Sighting, frame::FRAME_BYTES, round::Round, workload::Workload};

/// A p99.9 of fewer samples would be the maximum by another name.
const ENOUGH_FOR_P999: usize = 1000;

/// Times in microseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Latency {
    pub samples: usize,
    pub p50: f64,
    pub p99: f64,
    /// Of 1,000 samples and more.
    pub p999: Option<f64>,
    pub maximum: f64,
}

impl Latency {
    /// `None` of no samples.
    pub fn of(nanoseconds: impl Iterator<Item = u64>) -> Option<Self> {
        let mut sorted: Vec<u64> = nanoseconds.collect();
        sorted.sort_unstable();
        let maximum = *sorted.last()? as f64 / 1e3;
        let at = |share: f64| {
            let index = (sorted.len() as f64 * share) as usize;
            sorted[index.min(sorted.len() - 1)] as f64 / 1e3
        };
        Some(Self {
            samples: sorted.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: (sorted.len() >= ENOUGH_FOR_P999).then(|| at(0.999)),
            maximum,
        })
    }
}

/// The figures of one arm under one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    pub arm: Arm,
    pub workload: Workload,
    pub rounds: usize,
    /// From sending to the frame in the consuming thread's hands.
    pub in_hand: Option<Latency>,
    /// From sending to the frame read to its last byte: on the host, or there on the device.
    pub used: Option<Latency>,
    /// At each consumer; the median of the rounds.
    pub frames_per_second: f64,
    /// At all consumers together; the median of the rounds.
    pub gigabytes_per_second: f64,
    /// CPU milliseconds of one camera for each frame it sent.
    pub camera_cpu_milliseconds: f64,
    /// CPU milliseconds of one consumer for each frame it received.
    pub consumer_cpu_milliseconds: f64,
    /// CPU milliseconds of dora's daemon for each frame; `None` without dora.
    pub daemon_cpu_milliseconds: Option<f64>,
    /// Bytes that a CPU copied for each frame received, as far as it can be told.
    pub copied_bytes_per_frame: f64,
    pub sent: u64,
    /// Periods without a frame because the camera was held up.
    pub missed: u64,
    /// Sent and not received, over all consumers.
    pub lost: u64,
    /// Received with other bytes than were sent.
    pub wrong: u64,
    /// Frames by the path they took: `h` host, `d` direct, `s` staged, `p` pageable, `c` the caller's buffers, `o` the
    /// driver's own memory.
    pub paths: BTreeMap<char, u64>,
    /// Pages of all cameras' segments by NUMA node.
    #[serde(default)]
    pub memory_nodes: BTreeMap<u32, u64>,
}

impl Summary {
    pub fn of(arm: Arm, workload: &Workload, rounds: &[Round]) -> Self {
        let sightings = || {
            let consumers = rounds.iter().flat_map(|round| &round.consumers);
            consumers.flat_map(|consumer| &consumer.sightings)
        };
        let received = sightings().count() as u64;
        let cameras = || rounds.iter().flat_map(|round| &round.cameras);
        let consumers = || rounds.iter().flat_map(|round| &round.consumers);
        let sent: u64 = cameras().map(|camera| camera.sent).sum();
        let per = |sum: u64, count: u64| sum as f64 / count.max(1) as f64;
        let mut paths = BTreeMap::new();
        for sighting in sightings() {
            *paths.entry(sighting.path).or_default() += 1;
        }
        let mut nodes = BTreeMap::new();
        for (node, pages) in cameras().flat_map(|camera| &camera.memory_nodes) {
            *nodes.entry(*node).or_default() += pages;
        }
        let rate = median(rounds.iter().map(frames_per_second).collect());
        let all_consumers = rate * workload.consumers as f64;
        let camera_cpu = cameras().map(|camera| camera.cpu).sum();
        let consumer_cpu = consumers().map(|consumer| consumer.cpu).sum();
        let daemon_cpu = rounds.iter().map(|round| round.daemon_cpu).sum();
        // A copy by the camera serves all consumers.
        let copied: u64 = cameras().map(|camera| camera.copied).sum::<u64>()
            * workload.consumers as u64
            + consumers().map(|consumer| consumer.copied).sum::<u64>();
        Self {
            arm,
            workload: *workload,
            rounds: rounds.len(),
            in_hand: Latency::of(sightings().map(|seen| seen.arrived.saturating_sub(seen.sent))),
            used: Latency::of(sightings().map(|seen| seen.used.saturating_sub(seen.sent))),
            frames_per_second: rate,
            gigabytes_per_second: all_consumers * FRAME_BYTES as f64 / 1e9,
            camera_cpu_milliseconds: per(camera_cpu, sent) / 1e6,
            consumer_cpu_milliseconds: per(consumer_cpu, received) / 1e6,
            daemon_cpu_milliseconds: arm.is_dora().then(|| per(daemon_cpu, sent) / 1e6),
            copied_bytes_per_frame: per(copied, received),
            sent,
            missed: cameras().map(|camera| camera.missed).sum(),
            lost: (sent * workload.consumers as u64).saturating_sub(received),
            wrong: consumers().map(|consumer| consumer.wrong).sum(),
            paths,
            memory_nodes: nodes,
        }
    }
}

/// Frames that each consumer used in a second of one round.
fn frames_per_second(round: &Round) -> f64 {
    let rate = |sightings: &Vec<Sighting>| {
        let first = sightings.iter().map(|seen| seen.sent).min()?;
        let last = sightings.iter().map(|seen| seen.used).max()?;
        Some(sightings.len() as f64 / (last.checked_sub(first)? as f64 / 1e9))
    };
    let rates = round.consumers.iter();
    median(
        rates
            .filter_map(|consumer| rate(&consumer.sightings))
            .collect(),
    )
}

/// The median; zero of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        placement::Placement,
        round::{Camera, Consumer},
    };

    #[test]
    fn percentiles_are_those_of_the_sorted_times_and_few_samples_have_no_p999() {
        let latency = Latency::of((1..=100).rev().map(|time| time * 1000)).expect("samples");
        assert_eq!(
            (latency.p50, latency.p99, latency.maximum),
            (51.0, 100.0, 100.0)
        );
        assert_eq!(latency.p999, None);
        let many = Latency::of((0..2000).map(|time| time * 1000)).expect("samples");
        assert_eq!(many.p999, Some(1998.0));
        assert!(Latency::of(std::iter::empty()).is_none());
    }

    #[test]
    fn what_did_not_arrive_is_lost_at_each_consumer_and_copies_count_for_each_frame() {
        let workload = Workload {
            cameras: 1,
            consumers: 2,
            rate: None,
            seconds: 1.0,
            placement: Placement::Free,
        };
        let seen = |number: u64| Sighting {
            number,
            begun: 0,
            sent: number * 1_000_000_000,
            arrived: number * 1_000_000_000 + 5_000,
            used: number * 1_000_000_000 + 9_000,
            path: 'h',
        };
        let consumer = |frames: u64| Consumer {
            sightings: (0..frames).map(seen).collect(),
            wrong: 1,
            copied: 10 * frames,
            cpu: frames * 2_000_000,
        };
        let round = Round {
            cameras: vec![Camera {
                sent: 4,
                missed: 2,
                cpu: 12_000_000,
                copied: 40,
                memory_nodes: BTreeMap::from([(0, 5)]),
            }],
            consumers: vec![consumer(4), consumer(3)],
            daemon_cpu: 0,
        };
        let summary = Summary::of(Arm::Stock, &workload, &[round]);
        assert_eq!(
            (summary.sent, summary.missed, summary.lost, summary.wrong),
            (4, 2, 1, 2)
        );
        assert_eq!(summary.camera_cpu_milliseconds, 3.0);
        assert_eq!(summary.consumer_cpu_milliseconds, 2.0);
        assert_eq!(summary.copied_bytes_per_frame, (2.0 * 40.0 + 70.0) / 7.0);
        let used = summary.used.expect("samples");
        assert_eq!((used.p50, used.samples), (9.0, 7));
    }
}
