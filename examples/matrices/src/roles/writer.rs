//! Stores a compressed matrix as a chunk of the array.

use zenoh_pinned_workers::{Answer, BatchRequest, Worker};

use super::{Task, serve_each};
use crate::store::Store;

pub(super) fn serve(worker: Worker, store: &Store) -> anyhow::Result<()> {
    serve_each(worker, |request| put(store, request))
}

/// How many bytes it has on disk.
fn put(store: &Store, request: &BatchRequest) -> Answer {
    let task = Task::of(request)?;
    let bytes = store.put(task.matrix, &request.payload)?;
    Ok(bytes.to_le_bytes().into())
}
