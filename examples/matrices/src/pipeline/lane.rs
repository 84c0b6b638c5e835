//! A lane: a thread that takes one matrix after the other through all three roles.
//!
//! There are fewer than half as many lanes as buffers, so a writer that is slow holds up the producers, and no buffer is waited
//! for by somebody who has what another one needs.
//!
//! A worker that dies costs its matrix nothing: the request goes to another one, and what has killed two is asked for
//! [`ATTEMPTS`] times, as two deaths by chance are not the matrix's fault.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use zenoh_pinned::Slot;
use zenoh_pinned_workers::{Payload, PendingAnswer, RequestError, Workers};

use super::{Shared, buffers::needed};
use crate::roles::{Compression, Role, Task};

/// How often a matrix is given to a role whose workers die of it.
const ATTEMPTS: u32 = 4;
/// After how many matrices in a row that a role has failed with the run is given up.
const FAILURES: u32 = 10;
/// How long a role may have nobody who serves before the run is given up: one that has never had anybody, whose command is
/// probably wrong, and one that has. And how often it is asked meanwhile.
const NOBODY_YET_FOR: Duration = Duration::from_secs(5);
pub(super) const NOBODY_MORE_FOR: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Why a matrix goes no further.
enum Failure {
    /// This one cannot be had, others can.
    OfMatrix(Role, String),
    /// No other one can be had either.
    OfRun(String),
    /// The run is given up.
    GivenUp,
}

/// Takes matrices until there are no more.
pub(super) fn run(shared: &Shared) {
    while let Some(matrix) = shared.next() {
        match shared.take_through(matrix) {
            Ok(()) => {}
            Err(Failure::OfMatrix(role, why)) => {
                shared.log.warning(format!(
                    "matrix {matrix} is left out, a {role} cannot {} it: {why}",
                    role.task()
                ));
                shared.failed(matrix, role, &why);
            }
            Err(Failure::OfRun(why)) => {
                shared.log.warning(format!("the run is given up: {why}"));
                shared.stop.give_up(why);
            }
            Err(Failure::GivenUp) => {}
        }
    }
}

impl Shared {
    fn take_through(&self, number: u64) -> Result<(), Failure> {
        let form = self.terms.input.form();
        let task = |compression| Task {
            matrix: number,
            compression,
        };
        let matrix = self.ask(Role::Producer, task(None), None)?;
        let checksum = matrix.attachment().try_into().map(u32::from_le_bytes);
        let checksum = checksum.map_err(|_| {
            let why = String::from("it told no checksum: is it of the same version?");
            Failure::OfMatrix(Role::Producer, why)
        })?;
        self.counts.produced();
        let compression = Compression::of(form, self.terms.encoding);
        let compressed = self.ask(Role::Compressor, task(Some(compression)), Some(matrix))?;
        self.counts.compressed();
        let stored = self.ask(Role::Writer, task(None), Some(compressed))?;
        let stored_bytes = <[u8; 8]>::try_from(&stored[..]).map(u64::from_le_bytes);
        self.counts
            .stored(form.bytes(), stored_bytes.unwrap_or_default());
        self.stored(number, checksum);
        Ok(())
    }

    /// Has a worker of this role do its part, with a buffer for what comes of it.
    fn ask(&self, role: Role, task: Task, given: Option<Payload>) -> Result<Payload, Failure> {
        let workers = self.workers(role);
        let given = given.unwrap_or_else(|| Payload::from([]));
        let mut attempts = 0;
        let mut nobody_since = None;
        loop {
            if self.stop.gives_up() {
                return Err(Failure::GivenUp);
            }
            let request = workers.request(given.clone());
            let request = request.attachment(task.to_attachment());
            let request = match self.buffer_for(role)? {
                Some(buffer) => request.answer_in(buffer),
                None => request,
            };
            let answered = self.answered(request.send())?;
            let failed = &self.failed_in_a_row[role as usize];
            match answered {
                Ok(answer) => {
                    // Relaxed: a count.
                    failed.store(0, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(RequestError::Poisoned { .. }) if attempts + 1 < ATTEMPTS => attempts += 1,
                // Those that start may be killed as well.
                Err(RequestError::NoWorker { .. })
                    if nobody_since.get_or_insert_with(Instant::now).elapsed()
                        < patience_with(workers) =>
                {
                    self.stop.wait(ASK_EVERY);
                }
                // Also where the end is wished: the matrix has been accepted.
                Err(RequestError::BreakerOpen { retry_after }) => self.stop.wait(retry_after),
                Err(RequestError::Closing) => return Err(Failure::GivenUp),
                Err(error) => {
                    let in_a_row = 1 + failed.fetch_add(1, Ordering::Relaxed);
                    return Err(failure(role, error, in_a_row));
                }
            }
        }
    }

    /// What has become of a request, unless the run is given up meanwhile.
    fn answered(
        &self,
        mut pending: PendingAnswer,
    ) -> Result<Result<Payload, RequestError>, Failure> {
        loop {
            match pending.wait_timeout(ASK_EVERY) {
                Some(answered) => return Ok(answered),
                None if self.stop.gives_up() => return Err(Failure::GivenUp),
                None => {}
            }
        }
    }

    fn buffer_for(&self, role: Role) -> Result<Option<Slot>, Failure> {
        let form = self.terms.input.form();
        let bytes = match role {
            Role::Producer => form.bytes(),
            Role::Compressor => needed(form, self.terms.encoding),
            Role::Writer => return Ok(None),
        };
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let buffer = self.buffers.take(bytes, &self.stop);
        match buffer {
            Ok(Some(buffer)) => Ok(Some(buffer)),
            Ok(None) => Err(Failure::GivenUp),
            Err(error) => Err(Failure::OfRun(error.to_string())),
        }
    }
}

fn patience_with(workers: &Workers) -> Duration {
    match workers.statistics().answered {
        0 => NOBODY_YET_FOR,
        _ => NOBODY_MORE_FOR,
    }
}

fn failure(role: Role, error: RequestError, in_a_row: u32) -> Failure {
    let is_of_run = match &error {
        // What one matrix meets on its way to the disk the next one meets too.
        RequestError::Engine { .. } => role == Role::Writer,
        RequestError::NoWorker { .. } | RequestError::NoMemory { .. } => true,
        _ => false,
    };
    let why = match error {
        RequestError::Engine { message } => message,
        error => error.to_string(),
    };
    match is_of_run {
        true => Failure::OfRun(format!("the {role}s: {why}")),
        false if in_a_row >= FAILURES => Failure::OfRun(format!(
            "{in_a_row} matrices in a row have failed with the {role}s, the last one so: {why}"
        )),
        false => Failure::OfMatrix(role, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_the_run_and_what_costs_one_matrix() {
        let engine = || RequestError::Engine {
            message: String::from("no"),
        };
        let no_memory = || RequestError::NoMemory {
            why: String::from("full"),
        };
        let poisoned = || RequestError::Poisoned { deaths: 2 };
        for (role, error, in_a_row, ends) in [
            (Role::Producer, engine(), 1, false),
            (Role::Compressor, engine(), 9, false),
            (Role::Compressor, engine(), 10, true),
            (Role::Writer, engine(), 1, true),
            (Role::Producer, no_memory(), 1, true),
            (Role::Compressor, poisoned(), 1, false),
            (Role::Compressor, poisoned(), 10, true),
            (Role::Producer, RequestError::Expired, 1, false),
        ] {
            let failure = failure(role, error.clone(), in_a_row);
            let is_of_run = matches!(failure, Failure::OfRun(_));
            assert_eq!(is_of_run, ends, "{role} {error} {in_a_row}");
        }
    }
}
