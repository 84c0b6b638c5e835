//! An observation's way to an agent in another process, and that of the answer back.
//!
//! The agent looks again and again, or sleeps between its looks. The exchange's answer is made and checked as always: an
//! alias table is built, and looked through; the other arms hand the same bytes on.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use zenoh_pinned_exchange::Observation;
use zenoh_pinned_measuring::{clock::now, placement};

use crate::{
    Outcome,
    arms::{self, Arm, DataPlaneSide},
    samples::{self, Summary},
};

/// The first argument of an agent's process.
pub const AGENT: &str = "agent";

const ROUNDS: usize = 3;
/// After so long the other process is not slow but gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the agent does between two looks, and how many observations there are in a round.
const PAUSES: [(&str, Duration, usize); 2] = [
    ("spinning", Duration::ZERO, 30_000),
    ("sleeping 100 us", Duration::from_micros(100), 3_000),
];
/// Tells the agent that there is no more. In a field that the exchange does not use.
const LAST: u64 = u64::MAX;
/// The reserved words: when it was written, and whether it is the last.
const WRITTEN: usize = 0;
const IS_LAST: usize = 1;

pub fn measure() -> Outcome<Vec<(String, Summary)>> {
    let mut summaries = Vec::new();
    for (words, pause, count) in PAUSES {
        let mut there = arms::ALL.map(|_| Vec::new());
        let mut back = arms::ALL.map(|_| Vec::new());
        for round in 0..ROUNDS {
            for (index, arm) in arms::ALL.into_iter().enumerate() {
                let name = format!(
                    "exchange-figures-{}-{round}-{}",
                    std::process::id(),
                    pause.as_micros()
                );
                let (to_agent, whole) = time(arm, &name, pause, count)?;
                there[index].extend(to_agent);
                back[index].extend(whole);
            }
        }
        for (what, taken) in [("to the agent", there), ("and back", back)] {
            for (arm, taken) in arms::ALL.into_iter().zip(taken) {
                summaries.push((
                    format!("{what}, {words}, {}", arm.name()),
                    Summary::of(taken),
                ));
            }
        }
    }
    Ok(summaries)
}

/// Looks until there is something, for as long as anybody alive would take; between looks it sleeps, or spins.
fn look_until<T>(pause: Duration, mut look: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let until = now() + PATIENCE.as_nanos() as u64;
    for looks in 1_u64.. {
        if let Some(found) = look()? {
            return Ok(found);
        }
        match pause.is_zero() {
            true => std::hint::spin_loop(),
            false => std::thread::sleep(pause),
        }
        // Seldom: reading the clock takes as long as a look.
        if looks % 1024 == 0 && now() > until {
            break;
        }
    }
    Err(format!("the process on the other side has been silent for {PATIENCE:?}").into())
}

fn time(arm: Arm, name: &str, pause: Duration, count: usize) -> Outcome<(Vec<u32>, Vec<u32>)> {
    let mut data_plane = arm.data_plane(name)?;
    let mut agent = Command::new(std::env::current_exe()?)
        .args([AGENT, arm.name(), name, &pause.as_micros().to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let whole = observe_all(data_plane.as_mut(), count);
    if whole.is_err() {
        let _ = agent.kill();
    }
    let printed = agent.wait_with_output()?;
    Ok((samples::printed(&printed.stdout).collect(), whole?))
}

/// Both sides stay on a processor each, if there are two; else neither could spin.
fn observe_all(data_plane: &mut dyn DataPlaneSide, count: usize) -> Outcome<Vec<u32>> {
    placement::take_first_processor()?;
    let mut whole = Vec::with_capacity(count);
    let mut seen = Observation {
        active_as_bitmap: u64::MAX,
        ..Observation::default()
    };
    for number in 1..=count as u64 {
        // The server's own time, which the exchange would put in.
        seen.timestamp_us = number;
        let begin = now();
        seen.reserved_for_later[WRITTEN] = begin;
        data_plane.observe(&mut seen)?;
        look_until(Duration::ZERO, || {
            Ok(data_plane
                .answered()?
                .filter(|answered| *answered == number))
        })?;
        whole.push((now() - begin) as u32);
    }
    seen.reserved_for_later[IS_LAST] = LAST;
    data_plane.observe(&mut seen)?;
    Ok(whole)
}

/// The agent's process: answers each observation, and prints how long each took to arrive.
pub fn agent(arm: &str, name: &str, pause: &str) -> Outcome<()> {
    use std::io::Write as _;

    let arm = arms::ALL
        .into_iter()
        .find(|known| known.name() == arm)
        .ok_or("no such arm")?;
    let pause = Duration::from_micros(pause.parse()?);
    placement::take_last_processor()?;
    let mut agent = arm.agent(name)?;
    let mut there = Vec::new();
    loop {
        let (arrived, number, [written, is_last, _]) = look_until(pause, || {
            let seen = agent.look()?;
            Ok(seen.map(|seen| (now(), seen.timestamp_us, seen.reserved_for_later)))
        })?;
        if is_last == LAST {
            break;
        }
        there.extend(((arrived - written) as u32).to_ne_bytes());
        agent.answer(number)?;
    }
    Ok(std::io::stdout().lock().write_all(&there)?)
}
