//! What workers of these tests do. Each is a process of its own.

use std::time::Duration;

use zenoh_pinned_workers::{Batch, Payload, Worker};

fn serve(engine: impl FnMut(&Batch) -> Vec<zenoh_pinned_workers::Answer>) {
    let worker = Worker::connect().unwrap();
    worker.serve(engine).unwrap();
}

/// Gives back what it was asked.
#[test]
#[ignore = "the process of a worker"]
fn echo() {
    serve(|batch| batch.iter().map(|request| Ok(request.payload.clone())).collect());
}

/// Gives the number of its process, and the size of the batch.
#[test]
#[ignore = "the process of a worker"]
fn who() {
    serve(|batch| {
        let answer = || format!("{} {}", std::process::id(), batch.len());
        batch.iter().map(|_| Ok(Payload::from(answer().as_str()))).collect()
    });
}

/// Takes as many milliseconds as its first request says.
#[test]
#[ignore = "the process of a worker"]
fn slow() {
    serve(|batch| {
        let text = String::from_utf8_lossy(&batch[0].payload).into_owned();
        let took = text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        std::thread::sleep(Duration::from_millis(took));
        batch.iter().map(|request| Ok(request.payload.clone())).collect()
    });
}

/// Does what it is told: `die`, `panic`, `refuse`, `few`, or anything to be given back.
#[test]
#[ignore = "the process of a worker"]
fn obeys() {
    serve(|batch| {
        let told = |word: &[u8]| batch.iter().any(|request| &request.payload[..] == word);
        if told(b"die") {
            std::process::abort();
        }
        if told(b"few") {
            return Vec::new();
        }
        assert!(!told(b"panic"), "as told");
        let answers = batch.iter().map(|request| match &request.payload[..] {
            b"refuse" => Err("no".into()),
            _ => Ok(request.payload.clone()),
        });
        answers.collect()
    });
}
