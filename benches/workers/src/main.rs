//! `workers-bench RECORD PYTHON`: a pool of workers beside mosec, Ray Serve and `multiprocessing.Pool`.
//!
//! | figure | what is done |
//! |---|---|
//! | frames | two cameras of 1920x1080x4 bytes at 30 Hz each and an engine that does nothing: from the finished frame to 8 bytes of answer |
//! | small | 64 bytes there and back, batches of 64, as many under way as helps: from this process, and from another |
//! | start | from `build` to eight workers that are ready |
//! | kill | from SIGKILL of one of two busy workers, or of the only one, to the next answer |
//! | batching | an engine that takes 5 ms however many requests it has: eight at once beside one |
//! | supervisor | its memory (PSS) with four workers, and its CPU time over an idle minute |
//!
//! The peers' arms are in `peers/`; the run is one, and the machine is the same. A camera of ours writes its frame in place,
//! into a slot, which takes the time of no arm; what a peer copies in order to hand a frame over is in its time, as there is
//! no way around it.
//!
//! Prints a table, and writes the record as JSON; its last key is `aims`.

mod aims;
mod engines;
mod figures;
mod peers;

use std::{path::Path, process::ExitCode};

use serde_json::{Map, Value, json};
use zenoh_pinned_measuring::machine;

/// What may go wrong in any part of it: it ends with the message.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["worker", engine] => engines::serve(engine),
        ["client", endpoint] => figures::small::client(endpoint),
        ["supervisor"] => figures::supervisor::supervise(),
        [record, python] => measure(Path::new(record), Some(Path::new(python))),
        // For a quick look at ours alone.
        [record] => measure(Path::new(record), None),
        _ => Err("usage: workers-bench RECORD [PYTHON]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(record: &Path, python: Option<&Path>) -> Outcome {
    let mut ours = Map::new();
    for (name, figure) in figures::ALL {
        eprintln!("{name}");
        let measured = figure()?;
        println!("{name:12}{measured}");
        ours.insert(name.to_owned(), measured);
    }
    let peers = match python {
        Some(python) => peers::measure(python)?,
        None => Value::Object(Map::new()),
    };
    for (arm, figures) in peers.as_object().into_iter().flatten() {
        println!("{arm:12}{figures}");
    }
    let ours = Value::Object(ours);
    let aims = aims::of(&ours, &peers);
    for aim in &aims {
        println!("{aim}");
    }
    let whole = json!({
        "machine": machine::system(),
        "build": machine::build(),
        "processors": std::thread::available_parallelism()?.get(),
        "zenoh-pinned": ours,
        "peers": peers,
        // Last, by the order in which it is inserted.
        "aims": aims.iter().map(Value::from).collect::<Vec<_>>(),
    });
    Ok(zenoh_pinned_measuring::record::write(record, &whole)?)
}
