//! What there is to see, as tables: pools, workers, processes, queues, and files that make no sense. Pure.
//!
//! Names come from other processes, which can write anything there, so they are tamed.

mod files;
mod pools;
mod processes;
mod queues;
mod section;
#[cfg(test)]
pub(super) mod tests;
mod workers;

pub(super) use section::Section;

use super::seen::Seen;
use crate::words;

/// All of them, in the order of the tabs.
pub(super) fn sections(seen: &Seen) -> Vec<Section> {
    let observation = &seen.observation;
    vec![
        pools::pools(observation),
        workers::workers(seen),
        processes::processes(observation),
        queues::queues(observation),
        files::files(seen),
    ]
}

/// The machine in two lines.
pub(super) fn heading(seen: &Seen) -> [String; 2] {
    let observation = &seen.observation;
    let usage = &observation.usage;
    let folder = match observation.shared_memory {
        Some((free, total)) => format!(
            "/dev/shm {} free of {}",
            words::bytes(free),
            words::bytes(total)
        ),
        None => String::from("/dev/shm is no file system"),
    };
    [
        format!(
            "memory {}, registered {}, limit {}",
            words::bytes(usage.memory_bytes),
            words::bytes(usage.registered_bytes),
            words::bytes(usage.limit_bytes)
        ),
        format!("{folder}, pressure {}", usage.pressure),
    ]
}
