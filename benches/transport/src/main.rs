//! `transport-bench`: how long the steps of a frame's way take, beside stock zenoh shared memory.
//!
//! Two processes (this program starts itself once more for each measurement), frames of 1920x1080 RGBA
//! (8,294,400 bytes) whose bytes are not written here: only the transport is measured. The arms of one
//! table alternate sample by sample in one run, over unix sockets, with the same gaps. Times are taken
//! from CLOCK_MONOTONIC, which all processes of a host share. Prints Markdown.

mod allocation;
mod arm;
mod delivery;
mod first_frame;
mod peer;
mod samples;
mod waiting;

/// Bytes of a 1920x1080 RGBA frame.
const FRAME_BYTES: usize = 1920 * 1080 * 4;

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["consume-delivery", endpoints @ ..] => delivery::consume(endpoints),
        ["consume-waiting", arm, endpoint] => waiting::consume(arm, endpoint),
        ["consume-first", arm, endpoint] => first_frame::consume(arm, endpoint),
        [] => {
            println!("{}", samples::environment());
            allocation::measure()?;
            delivery::measure()?;
            waiting::measure()?;
            first_frame::measure()
        }
        _ => Err("transport-bench takes no arguments".into()),
    }
}
