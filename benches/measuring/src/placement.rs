//! Which processors a process runs on.

use rustix::{
    io::Errno,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

/// The processors that the calling thread may run on.
///
/// # Errors
/// The kernel does not tell.
pub fn allowed() -> Result<Vec<usize>, Errno> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|processor| set.is_set(*processor))
        .collect())
}

/// The sides of a measurement between processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    Producers,
    Consumers,
}

/// The processors of a side, of those that the calling thread may use: the first half of them, or the second. Both sides
/// have all where there is only one.
///
/// # Errors
/// As [`allowed`].
pub fn of_half(half: Half) -> Result<Vec<usize>, Errno> {
    let all = allowed()?;
    if all.len() < 2 {
        return Ok(all);
    }
    let (first, second) = all.split_at(all.len() / 2);
    Ok(match half {
        Half::Producers => first.to_vec(),
        Half::Consumers => second.to_vec(),
    })
}

/// Keeps the calling thread, and all threads that it starts from now on, on a side's processors.
///
/// # Errors
/// As [`allowed`].
pub fn take_half(half: Half) -> Result<(), Errno> {
    take(&of_half(half)?)
}

/// Keeps the calling thread, and all threads that it starts from now on, on these processors.
///
/// # Errors
/// None of them is there and this process's to use.
pub fn take(processors: &[usize]) -> Result<(), Errno> {
    let mut set = CpuSet::new();
    for processor in processors {
        set.set(*processor);
    }
    sched_setaffinity(None, &set)
}

/// Takes the first processor that this process may use, and says which.
///
/// # Errors
/// As [`allowed`].
pub fn take_first_processor() -> Result<usize, Errno> {
    let first = allowed()?.first().copied().ok_or(Errno::INVAL)?;
    take(&[first])?;
    Ok(first)
}

/// Takes the last processor, whatever the process that started this one has chosen for itself.
///
/// # Errors
/// As [`allowed`].
pub fn take_last_processor() -> Result<(), Errno> {
    // The kernel leaves out those that are not there or are not this process's to use.
    take(&(0..CpuSet::MAX_CPU).collect::<Vec<_>>())?;
    let last = allowed()?.last().copied().ok_or(Errno::INVAL)?;
    take(&[last])
}
