//! Starting a process that ends with its parent, on the processors and the NUMA node that it is to have.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command},
};

use super::placement::Placement;

/// Starts the command. It is killed when the thread that calls this ends, which therefore has to live as long as the
/// process is wanted.
pub(crate) fn spawn(command: &mut Command, placement: &Placement) -> io::Result<Child> {
    let parent = std::process::id();
    let placement = placement.clone();
    // A group of its own: an interrupt from the keyboard is for the parent, which ends its workers in order.
    command.process_group(0);
    // SAFETY: the closure runs between fork and exec, and makes system calls only; it neither allocates nor locks.
    unsafe {
        command.pre_exec(move || {
            end_with_parent(parent)?;
            placement.apply();
            Ok(())
        });
    }
    command.spawn()
}

fn end_with_parent(parent: u32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // It may have ended before that was arranged.
    let is_here = rustix::process::getppid()
        .is_some_and(|pid| pid.as_raw_nonzero().get().unsigned_abs() == parent);
    match is_here {
        true => Ok(()),
        false => Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

/// Asks a child that has not been waited for to end.
pub(crate) fn ask_to_end(child: &Child) {
    if let Ok(pid) = i32::try_from(child.id())
        && let Some(pid) = rustix::process::Pid::from_raw(pid)
    {
        // Its number is its own until it is waited for; one that has ended hears nothing.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}
