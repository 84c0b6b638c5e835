//! A whole run: every comparison of the plan, round by round, then the copies by size, then the report.

use std::path::Path;

use zenoh_pinned::Pinner;

use crate::{
    Outcome,
    arm::Arm,
    copies, environment,
    plan::{self, Comparison, Length},
    report::{self, LeftOut, Record, Samples, Summary},
    round,
};

/// Four cameras with all slots in use, whatever the arm, and what their libraries need besides.
const SHARED_MEMORY: u64 = 512 << 20;

pub fn run(out: &Path, length: Length, dora: Option<&Path>, device_only: bool) -> Outcome {
    std::fs::create_dir_all(out)?;
    let shared = rustix::fs::statvfs("/dev/shm")?;
    let free = shared.f_bavail * shared.f_frsize;
    if free < SHARED_MEMORY {
        return Err(format!(
            "/dev/shm has {} MiB free, four cameras need {} MiB: raise its size (docker run --shm-size, or mount -o \
             remount,size=)",
            free >> 20,
            SHARED_MEMORY >> 20
        )
        .into());
    }
    // Asked here so that nothing is started in vain; the consumers make their own.
    let pinner = Pinner::builder().device(0).build();
    let mut left_out = Vec::new();
    let mut plan = plan::host(length);
    if device_only {
        plan.truncate(1);
        plan.iter_mut().for_each(|comparison| comparison.rounds = 1);
        left_out.push(LeftOut::new(
            "the host side of more processes",
            "not asked for",
        ));
    }
    match pinner.reason() {
        None => plan.splice(0..0, plan::device(length)).for_each(drop),
        Some(reason) => left_out.push(LeftOut::new(
            "everything that copies to a device: (a), (b), (c), (d), copies by size, break-even",
            &reason.to_string(),
        )),
    }
    if dora.is_none() {
        left_out.push(LeftOut::new(
            "dora's arms",
            "no command of dora was named (--dora)",
        ));
        for comparison in &mut plan {
            comparison.arms.retain(|arm| !arm.is_dora());
        }
    }
    let environment = environment::read(&pinner);
    eprint!("{}", environment.text());
    let mut samples = Samples::create(&out.join("samples.csv.gz"))?;
    let mut summaries = Vec::new();
    let mut curves = Vec::new();
    for (index, comparison) in plan.iter().enumerate() {
        let name = comparison.workload.name();
        eprintln!("{} of {}: {name}", index + 1, plan.len());
        let measured = compare(comparison, dora, &mut samples, &mut left_out)?;
        for (arm, rounds) in measured {
            let summary = Summary::of(arm, &comparison.workload, &rounds);
            if let Some(used) = &summary.used {
                let rate = summary.frames_per_second;
                eprintln!(
                    "  {}: p50 {:.0} us, {rate:.0} frames/s",
                    arm.name(),
                    used.p50
                );
            }
            curves.push(report::Curve::of(&summary, &rounds));
            summaries.push(summary);
        }
    }
    samples.finish()?;
    let copies = match pinner.reason() {
        None => Some(copies::measure(&pinner, length)?),
        Some(_) => None,
    };
    report::write(
        out,
        &Record::new(environment, summaries, copies, left_out),
        &curves,
    )
}

/// All arms, one round of each after the other, each time beginning with another one.
fn compare(
    comparison: &Comparison,
    dora: Option<&Path>,
    samples: &mut Samples,
    left_out: &mut Vec<LeftOut>,
) -> Outcome<Vec<(Arm, Vec<round::Round>)>> {
    let fresh = |arm: &Arm| (*arm, Vec::new());
    let mut measured: Vec<_> = comparison.arms.iter().map(fresh).collect();
    for number in 0..comparison.rounds {
        let first = measured.len().min(1);
        measured.rotate_left(first);
        for (arm, rounds) in &mut measured {
            let workload = &comparison.workload;
            match round::run(*arm, workload, dora) {
                Ok(round) => {
                    samples.add(workload, *arm, number, &round)?;
                    rounds.push(round);
                }
                Err(error) => {
                    // One that fails costs the comparison one arm, and the record says so.
                    let what = format!("{}, {}, round {number}", arm.name(), workload.name());
                    eprintln!("  {what}: {error}");
                    left_out.push(LeftOut::new(&what, &error.to_string()));
                }
            }
        }
    }
    measured.sort_by_key(|(arm, _)| *arm);
    Ok(measured)
}
