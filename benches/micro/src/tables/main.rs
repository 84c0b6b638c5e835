//! `micro-tables`: what a run of the benchmarks has found, as Markdown.
//!
//! Reads what Criterion has left in the folder of its results, and what was left out and why. Each figure is the
//! median of the samples, in brackets the bounds of its 95 % confidence interval.

mod measured;
mod table;
mod unit;

use std::{fs, path::Path};

use zenoh_pinned_micro_bench::results::{self, ENVIRONMENT, LEFT_OUT};

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Error> {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => folder.into(),
        None => results::folder(),
    };
    let measured = measured::read(&folder)?;
    if measured.is_empty() {
        return Err(format!("there are no results in {}", folder.display()).into());
    }
    println!("{}", fs::read_to_string(folder.join(ENVIRONMENT))?);
    for group in measured.chunk_by(|one, next| one.group == next.group) {
        println!("\n{}", table::of(group));
    }
    print_left_out(&folder)
}

fn print_left_out(folder: &Path) -> Result<(), Error> {
    let left_out = fs::read_to_string(folder.join(LEFT_OUT))?;
    if left_out.is_empty() {
        return Ok(());
    }
    println!("\nLeft out:\n");
    for line in left_out.lines() {
        println!("- {}", line.replacen('\t', ": ", 1));
    }
    Ok(())
}
