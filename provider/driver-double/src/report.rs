//! What a test reads: single counts while the process runs, the whole ledger as JSON at its end.

use std::ffi::{OsString, c_char};
use std::fmt::{self, Write};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process;

use crate::call::Out;
use crate::control::text;
use crate::state::{State, double};

impl State {
    fn number(&self, what: &str) -> u64 {
        let ledger = &self.ledger;
        match what {
            "registrations" => self.registrations.count() as u64,
            "registered_bytes" => self.registrations.bytes() as u64,
            "registrations_made" => ledger.made.len() as u64,
            "pending_copies" => ledger.pending_copies,
            "copies_htod_registered" => ledger.htod_registered,
            "copies_htod_pageable" => ledger.htod_pageable,
            "copies_dtoh" => ledger.dtoh,
            "violations" => ledger.violations.len() as u64,
            "contexts" => self.contexts.active() as u64,
            "device_bytes" => self.memory.bytes() as u64,
            name => ledger.calls.get(name).copied().unwrap_or(0),
        }
    }

    fn report(&self) -> Result<String, fmt::Error> {
        let ledger = &self.ledger;
        let mut calls = Vec::new();
        for (name, count) in &ledger.calls {
            calls.push(format!("{}: {count}", quoted(name)?));
        }
        let mut made = Vec::new();
        for registration in &ledger.made {
            let (bytes, thread) = (registration.bytes, quoted(&registration.thread)?);
            made.push(format!("{{\"bytes\": {bytes}, \"thread\": {thread}}}"));
        }
        let mut violations = Vec::new();
        for violation in &ledger.violations {
            violations.push(quoted(violation)?);
        }
        let mut json = String::from("{\n");
        writeln!(json, "\"calls\": {{{}}},", calls.join(", "))?;
        writeln!(json, "\"registrations_made\": {},", ledger.made.len())?;
        writeln!(json, "\"registrations\": [{}],", made.join(", "))?;
        writeln!(
            json,
            "\"registrations_left\": {},",
            self.registrations.count()
        )?;
        writeln!(
            json,
            "\"peak_registered_bytes\": {},",
            ledger.peak_registered_bytes
        )?;
        writeln!(json, "\"contexts_created\": {},", ledger.contexts_created)?;
        writeln!(
            json,
            "\"copies\": {{\"htod_registered\": {}, \"htod_pageable\": {}, \"dtoh\": {}}},",
            ledger.htod_registered, ledger.htod_pageable, ledger.dtoh
        )?;
        writeln!(json, "\"pending_copies\": {},", ledger.pending_copies)?;
        writeln!(json, "\"device_bytes_left\": {},", self.memory.bytes())?;
        writeln!(json, "\"violations\": [{}]", violations.join(", "))?;
        json.push_str("}\n");
        Ok(json)
    }
}

fn quoted(text: &str) -> Result<String, fmt::Error> {
    let mut json = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(json, "\\{character}")?,
            control if control < ' ' => write!(json, "\\u{:04x}", u32::from(control))?,
            other => json.push(other),
        }
    }
    json.push('"');
    Ok(json)
}

/// Adds a line to the violations that come after the report, from a process that has no report of its own.
pub(crate) fn write_late(line: &str) {
    if let Ok(path) = std::env::var("CUDA_DOUBLE_REPORT") {
        let late = with_suffix(&path, ".late");
        let file = fs::OpenOptions::new().create(true).append(true).open(late);
        // There is nobody to tell that this failed.
        let _ = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    }
}

/// Writes the report to the path in `CUDA_DOUBLE_REPORT`, whole or not at all.
pub(crate) fn write(state: &mut State) {
    let Ok(path) = std::env::var("CUDA_DOUBLE_REPORT") else {
        return;
    };
    let path = path.replace("%p", &process::id().to_string());
    let unfinished = with_suffix(&path, &format!(".{}.unfinished", process::id()));
    let written = state
        .report()
        .map_err(std::io::Error::other)
        .and_then(|json| fs::write(&unfinished, json))
        .and_then(|()| fs::rename(&unfinished, &path));
    if let Err(error) = written {
        eprintln!("CUDA driver double: no report at {path}: {error}");
    }
    state.ledger.late = Some(with_suffix(&path, ".late"));
}

fn with_suffix(path: &str, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    PathBuf::from(path)
}

/// The number of calls of a function, or one of the counts that [`State::number`] lists.
///
/// # Safety
/// `what` is null or a NUL-terminated string.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuda_double_count(what: *const c_char) -> u64 {
    // SAFETY: the caller passes null or a NUL-terminated string.
    let what = unsafe { text(what) };
    what.map_or(0, |what| double().lock().number(what))
}

/// Writes the report as it stands, cut off and NUL-terminated where `capacity` is too small, and
/// returns its whole length without the NUL.
///
/// # Safety
/// `buffer` is null or valid for writing `capacity` bytes.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cuda_double_report(buffer: Out<c_char>, capacity: usize) -> usize {
    let json = double().lock().report().unwrap_or_default();
    // Without a buffer, only the length is asked for.
    let _ = buffer.set_text(json.as_bytes(), capacity);
    json.len()
}
