//! Which processor a process runs on.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Error;

/// Keeps the calling thread, and all threads that it starts, on the first processor that it may use.
pub(crate) fn take_first_processor() -> Result<String, Error> {
    let allowed = allowed()?;
    let (Some(first), Some(last)) = (allowed.first(), allowed.last()) else {
        return Err("no processor may be used".into());
    };
    take(*first)?;
    Ok(format!(
        "this process on processor {first}, others on processor {last}"
    ))
}

/// The same with the last processor that may be used, whatever the process that started this one has chosen for
/// itself.
pub(crate) fn take_last_processor() -> Result<(), Error> {
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|processor| all.set(processor));
    // The kernel leaves out those that are not there or are not this process's to use.
    sched_setaffinity(None, &all)?;
    let last = allowed()?.last().copied().ok_or("no processor")?;
    take(last)
}

fn allowed() -> Result<Vec<usize>, Error> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|processor| set.is_set(*processor))
        .collect())
}

fn take(processor: usize) -> Result<(), Error> {
    let mut set = CpuSet::new();
    set.set(processor);
    Ok(sched_setaffinity(None, &set)?)
}
