//! The C program beside this one: it prints the nanoseconds of each of its calls.

use std::process::{Command, Stdio};

use crate::{
    Outcome,
    samples::{self, Summary},
};

const ROUNDS: usize = 5;
const CALLS: usize = 200_000;
const ARMS: [(&str, &str); 4] = [
    ("write, C, exchange", "write"),
    ("write, C, mutex", "mutex-write"),
    ("read, C, exchange", "read"),
    ("read, C, mutex", "mutex-read"),
];

pub fn measure() -> Outcome<Vec<(String, Summary)>> {
    let program = std::env::current_exe()?.with_file_name("exchange-operations");
    let mut taken = ARMS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, what), taken) in ARMS.iter().zip(&mut taken) {
            let region = format!("exchange-figures-{}", std::process::id());
            let run = Command::new(&program)
                .args([what, &*CALLS.to_string(), &region])
                .stderr(Stdio::inherit())
                .output()
                .map_err(|error| {
                    format!(
                        "{}: {error}; `make exchange-figures` builds it",
                        program.display()
                    )
                })?;
            if !run.status.success() {
                return Err(format!("{} {what}: {}", program.display(), run.status).into());
            }
            taken.extend(samples::printed(&run.stdout));
        }
    }
    let named = ARMS.into_iter().zip(taken);
    Ok(named
        .map(|((name, _), taken)| (name.into(), Summary::of(taken)))
        .collect())
}
