//! Pools of workers, as their supervisors show them: a file each, which its supervisor writes once a second.
//!
//! `file` says where, `said` what may stand in it, `reading` looks at all of them, `figures` is what is made of that.

mod figures;
mod file;
mod reading;
mod said;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use figures::{figures, left_out};
pub use file::workers_file;
pub use reading::{ObservedPool, ObservedWorkers, UnreadableWorkers, observe_workers};
pub use said::{SaidOfWorker, SaidOfWorkers, SaidTimes};
