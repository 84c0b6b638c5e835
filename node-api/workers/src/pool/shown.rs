//! What others on this host may see of the pool: a file that the keeper writes once a second, for `zenoh-pinned serve` and
//! `top`, which ask nobody.
//!
//! It is in the folder that this library's users share (`zenoh_pinned_observe::workers_file`), written beside and renamed,
//! and named after the process, so that whoever reads it knows whether it still lives.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use zenoh_pinned::bindings::line::Peer;

use super::WorkersStatistics;

/// See the module.
#[derive(Debug)]
pub(super) struct Shown {
    path: Option<PathBuf>,
    has_failed: AtomicBool,
}

impl Shown {
    pub(super) fn new(name: &str, instance: &str) -> Self {
        let own = Peer::this_process();
        let path =
            own.map(|own| zenoh_pinned_observe::workers_file(own.pid, own.started, instance, name));
        let path = path.and_then(|path| {
            let failed = |error: &io::Error| {
                tracing::warn!(pool = name, %error, "what this pool of workers does cannot be shown to others");
            };
            path.inspect_err(failed).ok()
        });
        Self {
            path,
            has_failed: AtomicBool::new(false),
        }
    }

    pub(super) fn write(&self, statistics: &WorkersStatistics) {
        let Some(path) = &self.path else {
            return;
        };
        if let Err(error) = written(path, statistics)
            && !self.has_failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(path = %path.display(), %error, "what this pool of workers does cannot be shown to others");
        }
    }

    pub(super) fn remove(&self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

fn written(path: &PathBuf, statistics: &WorkersStatistics) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    let mut writer = io::BufWriter::new(file);
    let written = serde_json::to_writer(&mut writer, statistics);
    // What is buffered is written here, or it is known that it could not be: /dev/shm may be full.
    let written = written
        .map_err(io::Error::from)
        .and_then(|()| writer.flush());
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    renamed.inspect_err(|_| _ = fs::remove_file(&beside))
}
