//! What a consumer has seen: a line for each frame that counts.

use std::fmt::Write;

use crate::{clock, frame::Head};

/// One frame at one consumer; times in nanoseconds of CLOCK_MONOTONIC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    pub number: u64,
    /// Before its memory was asked for.
    pub begun: u64,
    /// Written, about to be sent.
    pub sent: u64,
    /// In the hands of the consuming thread.
    pub arrived: u64,
    /// Read to the last byte on the host, or on the device to its last byte.
    pub used: u64,
    /// `h` on the host; on the way to the device the first letter of its path.
    pub path: char,
}

impl Sighting {
    pub fn new(head: &Head, arrived: u64, used: u64, path: char) -> Self {
        Self {
            number: head.number,
            begun: head.begun,
            sent: head.sent,
            arrived,
            used,
            path,
        }
    }

    /// Reads a line of [`Sightings::text`].
    pub fn parse(line: &str) -> Option<Self> {
        let (numbers, path) = line.rsplit_once(' ')?;
        let mut numbers = numbers.split(' ').map(str::parse);
        let mut number = || numbers.next()?.ok();
        Some(Self {
            number: number()?,
            begun: number()?,
            sent: number()?,
            arrived: number()?,
            used: number()?,
            path: path.chars().next()?,
        })
    }
}

#[derive(Debug, Default)]
pub struct Sightings {
    lines: String,
    wrong: u64,
    copied: u64,
    cpu_at_first: Option<u64>,
    cpu_at_last: u64,
}

impl Sightings {
    /// Notes a frame, if it counts.
    pub fn add(&mut self, sighting: Sighting) {
        if sighting.number & crate::frame::COUNTED == 0 {
            return;
        }
        let Sighting {
            number,
            begun,
            sent,
            arrived,
            used,
            path,
        } = sighting;
        let _ = writeln!(
            self.lines,
            "{number} {begun} {sent} {arrived} {used} {path}"
        );
        self.cpu_at_last = clock::cpu_of_this_process();
        self.cpu_at_first.get_or_insert(self.cpu_at_last);
    }

    /// Notes whether a frame's bytes were right, and how many of them a CPU has copied here.
    pub fn check(&mut self, head: &Head, right: bool, copied: u64) {
        if head.counts() {
            self.wrong += u64::from(!right);
            self.copied += copied;
        }
    }

    /// All lines, and a last one: wrong frames, bytes copied, CPU time between the first frame and the last.
    pub fn text(&self) -> String {
        let cpu = self.cpu_at_last - self.cpu_at_first.unwrap_or(self.cpu_at_last);
        format!("{}{} {} {cpu}\n", self.lines, self.wrong, self.copied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame;

    #[test]
    fn only_frames_that_count_are_noted_and_their_lines_are_read_as_they_were_written() {
        let mut bytes = vec![0; frame::FRAME_BYTES];
        let mut seen = Sightings::default();
        for number in [3, frame::COUNTED | 4] {
            frame::write(&mut bytes, 0, number, 1);
            let head = Head::read(&bytes).expect("a whole frame");
            seen.add(Sighting::new(&head, 5, 6, 'd'));
            seen.check(&head, false, 7);
        }
        let text = seen.text();
        let (line, rest) = text.split_once('\n').expect("a line");
        let sighting = Sighting::parse(line).expect("a sighting");
        assert_eq!(
            (sighting.arrived, sighting.used, sighting.path),
            (5, 6, 'd')
        );
        assert!(rest.starts_with("1 7 "), "{rest}");
    }
}
