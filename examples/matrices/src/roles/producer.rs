//! Writes a matrix straight into the slot that it is given.

use zenoh_pinned_workers::{Answer, BatchRequest, Worker};

use super::{Task, place, serve_each};
use crate::{input::Input, matrix::checksum};

pub(super) fn serve(worker: Worker, input: &Input) -> anyhow::Result<()> {
    serve_each(worker, |request| produce(input, request))
}

/// The matrix, and beside it the checksum of its bytes.
fn produce(input: &Input, request: &BatchRequest) -> Answer {
    let task = Task::of(request)?;
    let mut slot = request
        .answer_slot()
        .ok_or("the request has no slot for the matrix")?;
    input.write(task.matrix, &mut slot)?;
    place::log("produced", task.matrix, &slot);
    let (bytes, checksum) = (slot.len(), checksum(&slot));
    Ok(slot.written(bytes).attach(checksum.to_le_bytes()))
}
