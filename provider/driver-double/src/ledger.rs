//! What happened so far: calls, registrations, copies and violations.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) calls: BTreeMap<&'static str, u64>,
    pub(crate) made: Vec<Made>,
    pub(crate) peak_registered_bytes: usize,
    pub(crate) contexts_created: u64,
    pub(crate) htod_registered: u64,
    pub(crate) htod_pageable: u64,
    pub(crate) dtoh: u64,
    pub(crate) pending_copies: u64,
    pub(crate) violations: Vec<String>,
    /// Set once the report is written: what comes later goes here.
    pub(crate) late: Option<PathBuf>,
}

/// One successful registration.
pub(crate) struct Made {
    pub(crate) bytes: usize,
    pub(crate) thread: String,
}

impl Ledger {
    pub(crate) fn count(&mut self, name: &'static str) {
        *self.calls.entry(name).or_default() += 1;
    }

    pub(crate) fn violation(&mut self, text: String) {
        if let Some(path) = &self.late {
            let file = OpenOptions::new().create(true).append(true).open(path);
            // The process is ending: there is nobody left to tell that this failed.
            let _ = file.and_then(|mut file| writeln!(file, "{text}"));
        }
        self.violations.push(text);
    }
}
