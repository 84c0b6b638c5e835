//! What the device node has counted so far.

use camera::latency::Latencies;
use camera::rows;
use zenoh_pinned::{DevicePath, Frame, Pinner};

/// The paths of a frame, best first.
const PATHS: [DevicePath; 4] = [
    DevicePath::Direct,
    DevicePath::Staged,
    DevicePath::Pageable,
    DevicePath::Host,
];

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) to_frame: Latencies,
    pub(crate) to_device: Latencies,
    received: usize,
    last_number: Option<i64>,
    missing: i64,
    out_of_order: usize,
    wrong_checksums: usize,
    taken: Vec<DevicePath>,
    reason: Option<String>,
}

impl Tally {
    pub(crate) fn received(&mut self, number: i64) {
        let expected = self.last_number.map_or(0, |last| last + 1);
        match number - expected {
            skipped @ 0.. => self.missing += skipped,
            _ => self.out_of_order += 1,
        }
        self.last_number = self.last_number.max(Some(number));
        self.received += 1;
    }

    /// The path that the frame took, or will stay on.
    pub(crate) fn path(&mut self, frame: &Frame) {
        self.taken.push(frame.path());
        if let Some(reason) = frame.reason() {
            self.reason = Some(reason.to_string());
        }
    }

    pub(crate) fn checksum(&mut self, sent: i64, received: u32) {
        self.wrong_checksums += usize::from(sent != i64::from(received));
    }

    /// Whether every frame received is as it was sent.
    pub(crate) fn is_good(&self) -> bool {
        self.out_of_order == 0 && self.wrong_checksums == 0
    }

    pub(crate) fn table(self, pinner: &Pinner) -> String {
        let paths = PATHS.map(|path| {
            let frames = self.taken.iter().filter(|taken| **taken == path);
            format!("{path} {}", frames.count())
        });
        let device = pinner.device_name();
        let mut rows = vec![
            ("Frames received", self.received.to_string()),
            ("Frames missing", self.missing.to_string()),
            ("Out of order", self.out_of_order.to_string()),
            ("Wrong checksums", self.wrong_checksums.to_string()),
            ("Path to the device", paths.join(", ")),
            ("Device", device.unwrap_or_else(|| "none".to_owned())),
        ];
        if let Some(reason) = self.reason {
            rows.push(("Reason", reason));
        }
        rows.push(("Sent to frame", self.to_frame.percentiles().to_string()));
        rows.push(("Sent to device", self.to_device.percentiles().to_string()));
        rows::lined_up(&rows)
    }
}
