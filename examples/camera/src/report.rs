//! The figures of a run, as they are printed with `--json`. Both halves print the same keys, with
//! null for what they cannot know.

use camera::latency::Percentiles;
use serde::{Deserialize, Serialize};
use zenoh_pinned::PoolStatistics;

/// What a command has to tell.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    pub(crate) frames_per_second: Option<f64>,
    /// What went wrong that the figures do not show, one sentence each.
    pub(crate) problems: Vec<String>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) frames_sent: Option<u64>,
    pub(crate) frames_received: Option<u64>,
    pub(crate) in_order: Option<bool>,
    pub(crate) checksums_ok: Option<bool>,
    pub(crate) bytes_per_frame: Option<u64>,
    pub(crate) path: Paths,
    pub(crate) device: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) latency_us: Latency,
    pub(crate) pool: Pool,
}

/// Frames per way to the device.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Paths {
    pub(crate) direct: Option<u64>,
    pub(crate) staged: Option<u64>,
    pub(crate) pageable: Option<u64>,
    pub(crate) host: Option<u64>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) publish_to_frame: Percentiles,
    pub(crate) publish_to_device: Percentiles,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pool {
    pub(crate) slots: Option<u64>,
    pub(crate) slot_bytes: Option<u64>,
    pub(crate) waits: Option<u64>,
    pub(crate) timeouts: Option<u64>,
}

impl From<PoolStatistics> for Pool {
    fn from(statistics: PoolStatistics) -> Self {
        Self {
            slots: Some(statistics.slots.into()),
            slot_bytes: u64::try_from(statistics.slot_bytes).ok(),
            waits: Some(statistics.waits),
            timeouts: Some(statistics.timeouts),
        }
    }
}

impl Report {
    pub(crate) fn lost(&self) -> Option<u64> {
        Some(self.frames_sent?.saturating_sub(self.frames_received?))
    }

    /// What makes the run a failure, one sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let (Some(sent), Some(received)) = (self.frames_sent, self.frames_received) {
            if received < sent {
                problems.push(format!("{} of {sent} frames were lost.", sent - received));
            } else if received > sent {
                problems.push(format!(
                    "{received} frames were received, but only {sent} were sent."
                ));
            }
        }
        if self.in_order == Some(false) {
            problems.push("Frames were received out of order.".to_owned());
        }
        if self.checksums_ok == Some(false) {
            problems.push(
                "At least one frame does not have the checksum that was sent with it.".to_owned(),
            );
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_report_has_every_key() {
        let value = serde_json::to_value(Report::default()).unwrap();
        for pointer in [
            "/frames_sent",
            "/frames_received",
            "/in_order",
            "/checksums_ok",
            "/bytes_per_frame",
            "/path/direct",
            "/path/staged",
            "/path/pageable",
            "/path/host",
            "/device",
            "/reason",
            "/latency_us/publish_to_frame/p50",
            "/latency_us/publish_to_frame/p99",
            "/latency_us/publish_to_device/p50",
            "/latency_us/publish_to_device/p99",
            "/pool/slots",
            "/pool/slot_bytes",
            "/pool/waits",
            "/pool/timeouts",
        ] {
            assert_eq!(
                value.pointer(pointer),
                Some(&serde_json::Value::Null),
                "{pointer}"
            );
        }
    }

    #[test]
    fn each_kind_of_failure_is_named() {
        let report = Report {
            frames_sent: Some(10),
            frames_received: Some(7),
            in_order: Some(false),
            checksums_ok: Some(false),
            ..Report::default()
        };
        let problems = report.problems();
        assert_eq!(problems.len(), 3);
        assert_eq!(problems[0], "3 of 10 frames were lost.");
        assert!(problems[1].contains("order"));
        assert!(problems[2].contains("checksum"));
        assert!(Report::default().problems().is_empty());
    }
}
