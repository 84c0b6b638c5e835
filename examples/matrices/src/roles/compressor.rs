//! Compresses a matrix from the slot that its producer has written into another one.

use zenoh_pinned_workers::{Answer, BatchRequest, Worker};

use super::{Plan, Task, place, serve_each};
use crate::encoding::Encoder;

pub(super) fn serve(worker: Worker, plan: &Plan) -> anyhow::Result<()> {
    match plan.encoding.encoder(plan.input.form().element()) {
        Ok(mut encoder) => serve_each(worker, |request| compress(&mut encoder, request)),
        Err(error) => {
            worker.fail(error);
            Ok(())
        }
    }
}

fn compress(encoder: &mut Encoder, request: &BatchRequest) -> Answer {
    let task = Task::of(request)?;
    let mut slot = request
        .answer_slot()
        .ok_or("the request has no slot for the result")?;
    place::log("compressed", task.matrix, &request.payload);
    let bytes = encoder.encode(&request.payload, &mut slot)?;
    Ok(slot.written(bytes))
}
