//! `transport-bench [sizes]`: how long the steps of a frame's way take, beside stock zenoh shared memory.
//!
//! Two processes (this program starts itself once more for each measurement); the bytes are not written here: only the
//! transport is measured. The arms of one table alternate sample by sample in one run, over unix sockets, with the same
//! gaps. Times are taken from CLOCK_MONOTONIC, which all processes of a host share. Prints Markdown.
//!
//! Without an argument frames of 1920x1080 RGBA (8,294,400 bytes), the processes placed as the kernel likes. `sizes`:
//! messages of several sizes, also without shared memory, this process and all its threads on the first processor that
//! it may use, the other one on the last: placement would differ from arm to arm otherwise, by more than small messages
//! do.

mod allocation;
mod arm;
mod burst;
mod consumer;
mod delivery;
mod first_frame;
mod line;
mod peer;
mod samples;
mod sizes;
mod waiting;

use arm::Arm;
use consumer::{RECEIVE, RECEIVE_APART, RELEASE};
use zenoh_pinned_measuring::placement;

/// Bytes of a 1920x1080 RGBA frame.
const FRAME_BYTES: usize = 1920 * 1080 * 4;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Outcome = Result<(), Error>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [RECEIVE, arm, endpoint] => consumer::receive(Arm::named(arm)?, endpoint),
        [RECEIVE_APART, arm, endpoint] => {
            placement::take_last_processor()?;
            consumer::receive(Arm::named(arm)?, endpoint)
        }
        [RELEASE, arm, endpoint] => consumer::release(Arm::named(arm)?, endpoint),
        [] => {
            println!("{}, placed as the kernel likes", samples::environment());
            allocation::measure()?;
            delivery::measure()?;
            waiting::measure()?;
            first_frame::measure()
        }
        ["sizes"] => {
            let environment = samples::environment();
            let first = placement::take_first_processor()?;
            println!("{environment}, this process on processor {first}, the other one on the last");
            allocation::by_size()?;
            delivery::by_size()?;
            burst::by_size()
        }
        _ => Err("transport-bench takes no argument, or `sizes`".into()),
    }
}
