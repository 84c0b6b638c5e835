//! `hand-over-bench RECORD`: one frame from a producer's process to its consumers' processes, by every way it can take.
//!
//! | arm | way |
//! |---|---|
//! | bare wake-up | a ring in a shared mapping and a futex: no library can be faster |
//! | zenoh | `PinnedPublisher`, zenoh's `put`, and a plain zenoh callback, or `FrameSubscriber` with its line off |
//! | beside zenoh | the line, and a `put` of the same frame, as an ordinary `PinnedPublisher` does |
//! | alone | the line, and no `put`: the publisher says that it alone publishes on its key |
//! | iceoryx2 | a publisher, a notifier, and a listener that blocks; no overflow, so that nothing is lost |
//!
//! A frame's time begins after its last byte was written, before the sending call, and ends when the consumer's code has
//! the frame and can read it: when the wait returns or the callback begins, and its bytes are there as one slice. Both
//! processes read CLOCK_MONOTONIC, which they share. The producer writes every byte of every frame, its number and its
//! time among them; a consumer compares a few at the beginning, in the middle and at the end. Taking a slot and writing
//! it is in nobody's time, but in the CPU time, which is that of whole processes, zenoh's threads included.
//!
//! The arms of a row take turns of half a second or less, in processes that live as long as the row. The producer runs
//! on the first half of the processors, the consumers on the second. Each turn begins with frames that are not counted,
//! for between its turns an arm sleeps. All arms have as many slots, or as deep a buffer. At full speed a full pool or
//! buffer holds its producer up, so latencies there are those of a queue; what is lost in spite of it is said, and so is
//! what came twice.
//!
//! Prints a table, and writes the record as JSON; its last key is `aims`.

mod aims;
mod allocation;
mod arms;
mod consumer;
mod frame;
mod group;
mod orders;
mod plan;
mod producer;
mod row;
mod samples;

use std::{path::Path, process::ExitCode};

use samples::Figures;
use serde_json::{Map, Value, json};
use zenoh_pinned_measuring::machine;

/// What may go wrong in any part of it: it ends with the message.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        [orders::PRODUCER, orders] => {
            orders::read(orders).and_then(|orders| producer::run(&orders))
        }
        [orders::CONSUMER, orders] => orders::read(orders).and_then(consumer::run),
        [record] => measure(Path::new(record)),
        _ => Err("usage: hand-over-bench RECORD".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(record: &Path) -> Outcome {
    let allocation = allocation::measure()?;
    let rows = plan::rows();
    let mut measured = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        eprintln!("{} of {}: {}", index + 1, rows.len(), row.name());
        measured.push((row.name(), row::measure(index, row)));
    }
    println!("{}", Figures::HEADING);
    for (name, arms) in &measured {
        println!("{name}");
        for (arm, figures) in arms {
            println!("  {arm:24}{figures}");
        }
    }
    println!(
        "allocation of 64 B and its free: p50 {:.3} us, p99 {:.3} us",
        allocation.p50, allocation.p99
    );
    let aims = aims::of(&measured, &allocation);
    for aim in &aims {
        println!("{aim}");
    }
    let rows = measured.into_iter().map(|(name, arms)| {
        let arms = arms
            .into_iter()
            .map(|(arm, figures)| (arm, Value::from(&figures)));
        (name, Value::Object(arms.collect()))
    });
    let whole = json!({
        "unit": "us",
        "machine": machine::system(),
        "build": machine::build(),
        "processors": std::thread::available_parallelism()?.get(),
        "allocation of 64 B and its free": Value::from(allocation),
        "arms": rows.collect::<Map<_, _>>(),
        // Last, by the order in which it is inserted.
        "aims": aims.iter().map(Value::from).collect::<Vec<_>>(),
    });
    Ok(zenoh_pinned_measuring::record::write(record, &whole)?)
}
