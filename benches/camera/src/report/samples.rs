//! The raw samples, compressed: a line for each frame at each consumer; at full speed, where there are many, for every
//! tenth. Figures are always of all frames.

use std::{fs::File, io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};

use crate::{
    Outcome,
    arm::Arm,
    consumer::Sighting,
    frame::{self, COUNTED},
    round::Round,
    workload::Workload,
};

/// Of the frames at full speed.
const ONE_IN: u64 = 10;

pub struct Samples {
    file: File,
}

impl Samples {
    /// A new file of samples. Times are nanoseconds: `sent` of CLOCK_MONOTONIC, the others from there on.
    pub fn create(path: &Path) -> Outcome<Self> {
        let file = File::create(path)?;
        let mut member = GzEncoder::new(&file, Compression::best());
        writeln!(
            member,
            "workload,arm,round,consumer,number,sent,begun,arrived,used,path"
        )?;
        member.finish()?;
        Ok(Self { file })
    }

    /// Adds a round, whole: what was added before is readable whatever happens later.
    pub fn add(&mut self, workload: &Workload, arm: Arm, number: usize, round: &Round) -> Outcome {
        let rate = workload.rate.unwrap_or_default();
        let (cameras, consumers) = (workload.cameras, workload.consumers);
        let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let arm = word(serde_json::to_value(arm)?);
        let placement = word(serde_json::to_value(workload.placement)?);
        // Members of a gzip file one behind the other are one file to whoever reads it.
        let mut member = GzEncoder::new(&self.file, Compression::best());
        for (index, consumer) in round.consumers.iter().enumerate() {
            let is_kept = |seen: &&Sighting| {
                workload.rate.is_some() || frame::number_of(seen.number).is_multiple_of(ONE_IN)
            };
            for seen in consumer.sightings.iter().filter(is_kept) {
                let later = |time: u64| time as i64 - seen.sent as i64;
                writeln!(
                    member,
                    "{cameras}x{consumers}@{rate} {placement},{arm},{number},{index},{:#x},{},{},{},{},{}",
                    seen.number & !COUNTED,
                    seen.sent,
                    later(seen.begun),
                    later(seen.arrived),
                    later(seen.used),
                    seen.path
                )?;
            }
        }
        member.finish()?;
        Ok(())
    }
}
