//! What the subscriber has counted so far.

use std::time::Instant;

use camera::latency::Latencies;
use zenoh_pinned::DevicePath;

use crate::report::{Latency, Outcome, Paths, Report};

/// More different reasons than this help nobody.
const REASONS: usize = 4;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    sent: Option<u64>,
    received: u64,
    last_sequence: Option<u64>,
    out_of_order: u64,
    wrong_checksums: u64,
    unreadable: u64,
    bytes_per_frame: Option<u64>,
    direct: u64,
    staged: u64,
    pageable: u64,
    host: u64,
    reasons: Vec<String>,
    to_frame: Latencies,
    to_device: Latencies,
    first_and_last: Option<(Instant, Instant)>,
}

impl Tally {
    pub(crate) fn arrived(&mut self, sequence: u64, bytes: usize) {
        if self.last_sequence.is_some_and(|last| sequence <= last) {
            self.out_of_order += 1;
        }
        self.last_sequence = Some(sequence);
        self.received += 1;
        self.bytes_per_frame = u64::try_from(bytes).ok();
        let now = Instant::now();
        let first = self.first_and_last.map_or(now, |(first, _)| first);
        self.first_and_last = Some((first, now));
    }

    pub(crate) fn path(&mut self, path: DevicePath) {
        *match path {
            DevicePath::Direct => &mut self.direct,
            DevicePath::Staged => &mut self.staged,
            DevicePath::Pageable => &mut self.pageable,
            DevicePath::Host => &mut self.host,
        } += 1;
    }

    pub(crate) fn reason(&mut self, reason: String) {
        if self.reasons.len() < REASONS && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    pub(crate) fn latency_to_frame(&mut self, published_ns: u64, arrived_ns: u64) {
        self.to_frame.record(published_ns, arrived_ns);
    }

    pub(crate) fn latency_to_device(&mut self, published_ns: u64, copied_ns: u64) {
        self.to_device.record(published_ns, copied_ns);
    }

    pub(crate) fn wrong_checksum(&mut self) {
        self.wrong_checksums += 1;
    }

    pub(crate) fn unreadable(&mut self) {
        self.unreadable += 1;
    }

    pub(crate) fn end(&mut self, sent: u64) {
        self.sent = Some(sent);
    }

    pub(crate) fn outcome(self, device: Option<String>) -> Outcome {
        let mut problems = Vec::new();
        if self.out_of_order > 0 {
            problems.push(format!(
                "{} frames came after a later one.",
                self.out_of_order
            ));
        }
        if self.wrong_checksums > 0 {
            problems.push(format!(
                "{} of {} frames do not have the checksum that was sent with them.",
                self.wrong_checksums, self.received
            ));
        }
        if self.unreadable > 0 {
            problems.push(format!(
                "{} messages could not be read as frames.",
                self.unreadable
            ));
        }
        let seconds = self
            .first_and_last
            .map(|(first, last)| (last - first).as_secs_f64())
            .filter(|seconds| *seconds > 0.0);
        let report = Report {
            frames_sent: self.sent,
            frames_received: Some(self.received),
            in_order: (self.received > 0).then_some(self.out_of_order == 0),
            checksums_ok: (self.received > 0).then_some(self.wrong_checksums == 0),
            bytes_per_frame: self.bytes_per_frame,
            path: Paths {
                direct: Some(self.direct),
                staged: Some(self.staged),
                pageable: Some(self.pageable),
                host: Some(self.host),
            },
            device,
            reason: (!self.reasons.is_empty()).then(|| self.reasons.join("; ")),
            latency_us: Latency {
                publish_to_frame: self.to_frame.percentiles(),
                publish_to_device: self.to_device.percentiles(),
            },
            ..Report::default()
        };
        let frames_per_second = seconds.map(|seconds| (self.received - 1) as f64 / seconds);
        Outcome {
            report,
            frames_per_second,
            problems,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_comes_late_or_twice_is_out_of_order() {
        for (sequences, in_order) in [
            (&[0, 1, 2][..], true),
            (&[0, 2, 5], true),
            (&[0, 2, 1], false),
            (&[0, 1, 1], false),
        ] {
            let mut tally = Tally::default();
            for sequence in sequences {
                tally.arrived(*sequence, 4);
            }
            assert_eq!(
                tally.outcome(None).report.in_order,
                Some(in_order),
                "{sequences:?}"
            );
        }
    }

    #[test]
    fn each_reason_is_kept_once() {
        let mut tally = Tally::default();
        for reason in ["one", "two", "one"] {
            tally.reason(reason.to_owned());
        }
        assert_eq!(
            tally.outcome(None).report.reason.as_deref(),
            Some("one; two")
        );
    }

    #[test]
    fn frames_that_are_missing_are_lost() {
        let mut tally = Tally::default();
        tally.arrived(0, 4);
        tally.arrived(3, 4);
        tally.wrong_checksum();
        tally.end(4);
        let outcome = tally.outcome(None);
        assert_eq!(outcome.report.lost(), Some(2));
        assert_eq!(outcome.report.checksums_ok, Some(false));
        assert_eq!(outcome.problems.len(), 1);
    }
}
