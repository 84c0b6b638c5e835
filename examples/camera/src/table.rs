//! The table at the end of a run.

use camera::rows;

use crate::report::Outcome;

pub(crate) fn table(outcome: &Outcome) -> String {
    let report = &outcome.report;
    let path = &report.path;
    let pool = &report.pool;
    let latency = &report.latency_us;
    let mut rows: Vec<(&str, String)> = vec![
        ("Frames sent", number(report.frames_sent)),
        ("Frames received", number(report.frames_received)),
        ("Frames lost", number(report.lost())),
        ("In order", verdict(report.in_order)),
        ("Checksums", checksums(report.checksums_ok)),
        ("Bytes per frame", number(report.bytes_per_frame)),
        (
            "Frames per second",
            outcome
                .frames_per_second
                .map_or_else(unknown, |rate| format!("{rate:.1}")),
        ),
    ];
    let paths = [
        ("direct", path.direct),
        ("staged", path.staged),
        ("pageable", path.pageable),
        ("host", path.host),
    ];
    rows.push((
        "Path to the device",
        match path.direct {
            None => unknown(),
            Some(_) => paths
                .iter()
                .map(|(name, frames)| format!("{name} {}", number(*frames)))
                .collect::<Vec<_>>()
                .join(", "),
        },
    ));
    if path.direct.is_some() {
        rows.push((
            "Device",
            report.device.clone().unwrap_or_else(|| "none".to_owned()),
        ));
    }
    if let Some(reason) = &report.reason {
        rows.push(("Reason", reason.clone()));
    }
    rows.push(("Published to frame", latency.publish_to_frame.to_string()));
    rows.push(("Published to device", latency.publish_to_device.to_string()));
    rows.push((
        "Pool",
        match (pool.slots, pool.slot_bytes) {
            (Some(slots), Some(bytes)) => format!("{slots} slots x {bytes} bytes"),
            _ => unknown(),
        },
    ));
    rows.push((
        "Waits for a slot",
        match (pool.waits, pool.timeouts) {
            (Some(waits), Some(timeouts)) => format!("{waits}, of which timed out: {timeouts}"),
            _ => unknown(),
        },
    ));

    rows::lined_up(&rows)
}

fn unknown() -> String {
    "not known here".to_owned()
}

fn number(value: Option<u64>) -> String {
    value.map_or_else(unknown, |value| value.to_string())
}

fn verdict(value: Option<bool>) -> String {
    value.map_or_else(unknown, |yes| if yes { "yes" } else { "NO" }.to_owned())
}

fn checksums(value: Option<bool>) -> String {
    value.map_or_else(unknown, |ok| {
        if ok { "all correct" } else { "WRONG" }.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use camera::latency::Percentiles;

    use super::*;
    use crate::report::{Latency, Paths, Pool, Report};

    #[test]
    fn the_columns_line_up_and_the_figures_are_there() {
        let outcome = Outcome {
            report: Report {
                frames_sent: Some(300),
                frames_received: Some(299),
                in_order: Some(true),
                checksums_ok: Some(true),
                bytes_per_frame: Some(8_294_400),
                path: Paths {
                    direct: Some(299),
                    staged: Some(0),
                    pageable: Some(0),
                    host: Some(0),
                },
                device: Some("A GPU".to_owned()),
                reason: None,
                latency_us: Latency {
                    publish_to_frame: Percentiles {
                        p50: Some(120.4),
                        p99: Some(300.0),
                    },
                    publish_to_device: Percentiles::default(),
                },
                pool: Pool {
                    slots: Some(8),
                    slot_bytes: Some(8_298_496),
                    waits: Some(2),
                    timeouts: Some(0),
                },
            },
            frames_per_second: Some(29.97),
            problems: Vec::new(),
        };
        let text = table(&outcome);
        for line in [
            "Frames sent          300",
            "Frames lost          1",
            "Frames per second    30.0",
            "Path to the device   direct 299, staged 0, pageable 0, host 0",
            "Device               A GPU",
            "Published to frame   p50 120 us, p99 300 us",
            "Published to device  not measured",
            "Pool                 8 slots x 8298496 bytes",
            "Waits for a slot     2, of which timed out: 0",
        ] {
            assert!(
                text.lines().any(|written| written == line),
                "no line {line:?} in:\n{text}"
            );
        }
        assert!(!text.contains("Reason"));
    }

    #[test]
    fn what_one_half_cannot_know_is_said_to_be_unknown() {
        let text = table(&Outcome::default());
        assert!(
            text.contains("Frames received      not known here"),
            "{text}"
        );
    }
}
