//! Pools of workers, as their supervisors show them: a file each, which its supervisor writes once a second.

mod file;

pub use file::workers_file;
