//! What has become of the matrices so far.
//!
//! Locks: one mutex, held for a few statements.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde::Serialize;

use crate::roles::Role;

/// The failures that are kept in words; the others are counted.
const KEPT: usize = 20;

/// A matrix that is not stored, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailedMatrix {
    /// Its number.
    pub matrix: u64,
    /// What failed: produce, compress, store.
    pub task: String,
    /// What the worker said.
    pub why: String,
    /// When, in seconds since the run began.
    pub at_seconds: f64,
}

/// How many matrices have got how far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Written into a buffer.
    pub produced: u64,
    /// Compressed.
    pub compressed: u64,
    /// On disk.
    pub stored: u64,
    /// Given up, each for a reason of its own.
    pub failed: u64,
    /// Bytes of those on disk before they were compressed.
    pub raw_bytes: u64,
    /// Bytes there.
    pub stored_bytes: u64,
    /// The latest failures, newest last.
    pub latest_failures: Vec<FailedMatrix>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Counts {
    begun: Instant,
    progress: Mutex<Progress>,
}

impl Counts {
    pub(super) fn new(begun: Instant) -> Self {
        Self {
            begun,
            progress: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // Whole between any two statements.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Progress {
        self.lock().clone()
    }

    pub(super) fn produced(&self) {
        self.lock().produced += 1;
    }

    pub(super) fn compressed(&self) {
        self.lock().compressed += 1;
    }

    pub(super) fn stored(&self, raw_bytes: u64, stored_bytes: u64) {
        let mut progress = self.lock();
        progress.stored += 1;
        progress.raw_bytes += raw_bytes;
        progress.stored_bytes += stored_bytes;
    }

    pub(super) fn failed(&self, matrix: u64, role: Role, why: &str) {
        let at_seconds = self.begun.elapsed().as_secs_f64();
        let mut progress = self.lock();
        progress.failed += 1;
        if progress.latest_failures.len() >= KEPT {
            progress.latest_failures.remove(0);
        }
        progress.latest_failures.push(FailedMatrix {
            matrix,
            task: role.task().to_owned(),
            why: why.to_owned(),
            at_seconds,
        });
    }
}
