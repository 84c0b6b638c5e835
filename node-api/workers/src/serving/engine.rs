//! Calling the engine, whatever it does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::batch::{Answer, Batch, EngineError};

/// The engine's answers, as many as there are requests; failures where it panics.
pub(super) fn run(engine: &mut impl FnMut(&Batch) -> Vec<Answer>, batch: &Batch) -> Vec<Answer> {
    if batch.is_empty() {
        return Vec::new();
    }
    // A panic has been reported by its hook; the engine is asked again, as a web server does with a handler.
    let answers = catch_unwind(AssertUnwindSafe(|| engine(batch)));
    let mut answers = answers.unwrap_or_else(|panic| {
        let fixed = panic.downcast_ref::<&str>().copied();
        let said = fixed.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let message = format!("it panicked: {}", said.unwrap_or("it did not say why"));
        let failed = || Err(EngineError::broken(&message));
        std::iter::repeat_with(failed).take(batch.len()).collect()
    });
    answers.truncate(batch.len());
    answers
}
