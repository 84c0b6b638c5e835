//! A whole run: one round of each comparison of the plan after the other, and so again, then the copies by size, then
//! the report. What has been measured is on disk after each round.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use zenoh_pinned::Pinner;

use crate::{
    Outcome,
    arm::Arm,
    copies, environment,
    plan::{self, Comparison, Length},
    report::{Curve, LeftOut, Record, Samples, Summary},
    round::{self, Round},
};

/// Four cameras with all slots in use, whatever the arm, and what their libraries need besides.
const SHARED_MEMORY: u64 = 512 << 20;
/// What a round takes beside its counted part, before one has been timed: processes, sessions, a context for each.
const START: Duration = Duration::from_millis(1500);

/// What is asked for.
pub struct Request {
    /// The folder for what is written; made where it is missing.
    pub out: PathBuf,
    pub length: Length,
    /// dora's command, for its arms.
    pub dora: Option<PathBuf>,
    /// Only the arms of a device, and one comparison on the host; no copies by size.
    pub device_only: bool,
    /// No tables and no plots: they follow from the record wherever it is read.
    pub record_only: bool,
    /// No round is begun that would not end by then.
    pub deadline: Option<Instant>,
}

pub fn run(request: &Request) -> Outcome {
    std::fs::create_dir_all(&request.out)?;
    check_room()?;
    // Asked here so that nothing is started in vain; the consumers make their own.
    let pinner = Pinner::builder().device(0).build();
    let mut record = Record::new(environment::read(&pinner));
    eprint!("{}", record.environment.text());
    let mut samples = Samples::create(&request.out.join("samples.csv.gz"))?;
    let mut measured: Vec<_> = plan_of(request, &pinner, &mut record.left_out)
        .into_iter()
        .map(Measured::nothing)
        .collect();
    for number in 0.. {
        if measured.iter().all(|measured| number >= measured.of.rounds) {
            break;
        }
        for index in 0..measured.len() {
            let next = &mut measured[index];
            if number >= next.of.rounds || !next.fits(request.deadline) {
                continue;
            }
            next.add_round(request.dora.as_deref(), &mut samples, &mut record.left_out)?;
            next.tell();
            record.summaries = measured.iter().flat_map(Measured::summaries).collect();
            record.curves = measured.iter().flat_map(Measured::curves).collect();
            record.save(&request.out)?;
        }
    }
    record
        .left_out
        .extend(measured.iter().filter_map(Measured::not_done));
    if !request.device_only && pinner.reason().is_none() {
        copies::measure(&pinner, request.length, request.deadline, |copies| {
            record.copies = Some(copies.clone());
            record.save(&request.out)
        })?;
    }
    record.save(&request.out)?;
    match request.record_only {
        true => Ok(()),
        false => record.tabulate(&request.out),
    }
}

fn check_room() -> Outcome {
    let shared = rustix::fs::statvfs("/dev/shm")?;
    let free = shared.f_bavail * shared.f_frsize;
    if free >= SHARED_MEMORY {
        return Ok(());
    }
    Err(format!(
        "/dev/shm has {} MiB free, four cameras need {} MiB: raise its size (docker run --shm-size, or mount -o \
         remount,size=)",
        free >> 20,
        SHARED_MEMORY >> 20
    )
    .into())
}

/// The comparisons that can be made here; the others are noted.
fn plan_of(request: &Request, pinner: &Pinner, left_out: &mut Vec<LeftOut>) -> Vec<Comparison> {
    let mut plan = plan::host(request.length);
    if request.device_only {
        plan.truncate(1);
        plan.iter_mut().for_each(|comparison| comparison.rounds = 1);
        left_out.push(LeftOut::new(
            "the host side of more processes",
            "not asked for",
        ));
    }
    match pinner.reason() {
        None => plan
            .splice(0..0, plan::device(request.length))
            .for_each(drop),
        Some(reason) => left_out.push(LeftOut::new(
            "everything that copies to a device: (a), (b), (c), (d), copies by size, break-even",
            &reason.to_string(),
        )),
    }
    if request.dora.is_none() {
        left_out.push(LeftOut::new(
            "dora's arms",
            "no command of dora was named (--dora)",
        ));
        for comparison in &mut plan {
            comparison.arms.retain(|arm| !arm.is_dora());
        }
    }
    plan
}

/// A comparison, and what its rounds have given so far.
struct Measured {
    of: Comparison,
    arms: Vec<(Arm, Vec<Round>)>,
    rounds: usize,
    /// How long the last round of all arms took.
    took: Duration,
}

impl Measured {
    fn nothing(of: Comparison) -> Self {
        let alone = Duration::from_secs_f64(of.workload.seconds) + START;
        Self {
            arms: of.arms.iter().map(|arm| (*arm, Vec::new())).collect(),
            rounds: 0,
            took: alone * of.arms.len() as u32,
            of,
        }
    }

    /// Whether a round more is likely to end in time.
    fn fits(&self, deadline: Option<Instant>) -> bool {
        deadline.is_none_or(|deadline| Instant::now() + self.took <= deadline)
    }

    /// One round of each arm, each time beginning with another one.
    fn add_round(
        &mut self,
        dora: Option<&Path>,
        samples: &mut Samples,
        left_out: &mut Vec<LeftOut>,
    ) -> Outcome {
        let workload = &self.of.workload;
        eprintln!(
            "round {} of {}: {}",
            self.rounds + 1,
            self.of.rounds,
            workload.name()
        );
        let begun = Instant::now();
        let first = self.arms.len().min(1);
        self.arms.rotate_left(first);
        for (arm, rounds) in &mut self.arms {
            match round::run(*arm, workload, dora) {
                Ok(round) => {
                    samples.add(workload, *arm, self.rounds, &round)?;
                    rounds.push(round);
                }
                Err(error) => {
                    // One that fails costs the comparison one arm, and the record says so.
                    let what =
                        format!("{}, {}, round {}", arm.name(), workload.name(), self.rounds);
                    eprintln!("  {what}: {error}");
                    left_out.push(LeftOut::new(&what, &error.to_string()));
                }
            }
        }
        self.rounds += 1;
        self.took = begun.elapsed();
        Ok(())
    }

    fn in_order(&self) -> Vec<&(Arm, Vec<Round>)> {
        let mut arms: Vec<_> = self
            .arms
            .iter()
            .filter(|(_, rounds)| !rounds.is_empty())
            .collect();
        arms.sort_by_key(|(arm, _)| *arm);
        arms
    }

    fn summaries(&self) -> Vec<Summary> {
        let summary =
            |(arm, rounds): &(Arm, Vec<Round>)| Summary::of(*arm, &self.of.workload, rounds);
        self.in_order().into_iter().map(summary).collect()
    }

    fn curves(&self) -> Vec<Curve> {
        let curve = |(arm, rounds): &(Arm, Vec<Round>)| Curve::of(*arm, &self.of.workload, rounds);
        self.in_order().into_iter().map(curve).collect()
    }

    /// Its figures so far, for whoever watches.
    fn tell(&self) {
        for summary in self.summaries() {
            if let Some(used) = &summary.used {
                let (arm, rate) = (summary.arm.name(), summary.frames_per_second);
                eprintln!("  {arm}: p50 {:.0} us, {rate:.0} frames/s", used.p50);
            }
        }
    }

    /// What there was no time for.
    fn not_done(&self) -> Option<LeftOut> {
        let missing = self.of.rounds - self.rounds;
        let what = format!(
            "{missing} of {} rounds of {}",
            self.of.rounds,
            self.of.workload.name()
        );
        (missing > 0).then(|| LeftOut::new(&what, "no time was left"))
    }
}
