//! Which processors a process runs on.
//!
//! Where two processes meet decides more of a wake-up's time than any library does. So in every arm the cameras
//! share the first half of the processors and the consumers the second one.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The halves.
#[derive(Clone, Copy, Debug)]
pub enum Half {
    Cameras,
    Consumers,
}

/// The processors of a half, of those that this process may use; both have all where there is only one.
pub fn processors(half: Half) -> std::io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    let all: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|index| allowed.is_set(*index))
        .collect();
    if all.len() < 2 {
        return Ok(all);
    }
    let (first, second) = all.split_at(all.len() / 2);
    Ok(match half {
        Half::Cameras => first.to_vec(),
        Half::Consumers => second.to_vec(),
    })
}

/// Has this thread, and all that it starts from now on, run there.
pub fn place(half: Half) -> std::io::Result<()> {
    let mut set = CpuSet::new();
    for index in processors(half)? {
        set.set(index);
    }
    Ok(sched_setaffinity(None, &set)?)
}
