//! A client's thread for deadlines: what nobody has answered in time is told here, also where the supervisor stands still.
//! It tells the supervisor of requests that nobody waits for any more, and of answers that were taken, too.

use std::{
    io,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{LATE, Shared, lock};
use crate::{protocol::Message, request::RequestError};

/// How often requests are looked for that nobody waits for any more.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) fn start(shared: &Arc<Shared>) -> io::Result<()> {
    let weak = Arc::downgrade(shared);
    let thread = std::thread::Builder::new().name(String::from("zpin-client"));
    thread.spawn(move || {
        let mut looked = Instant::now();
        while let Some(shared) = weak.upgrade() {
            if !step(&shared, &mut looked) {
                return;
            }
        }
    })?;
    Ok(())
}

/// Sleeps for a while, and tells those whose time has come; false at the end. `looked` is when it was looked for requests
/// that nobody waits for any more.
fn step(shared: &Shared, looked: &mut Instant) -> bool {
    let mut under_way = lock(&shared.under_way);
    if under_way.is_ended {
        return false;
    }
    let now = Instant::now();
    let first = under_way
        .deadlines
        .first()
        .map(|(deadline, _)| *deadline + LATE);
    let left = first.map(|first| first.saturating_duration_since(now));
    let is_due = left.is_some_and(|left| left.is_zero());
    let has_taken =
        || shared.taken.load(Ordering::Relaxed) > shared.taken_told.load(Ordering::Relaxed);
    if !is_due && !has_taken() {
        let sleep = match left {
            // Somebody may give up meanwhile.
            Some(left) => left.min(LOOK_EVERY),
            None => LOOK_EVERY * 4,
        };
        let waited = shared.changed.wait_timeout(under_way, sleep);
        (under_way, _) = waited.unwrap_or_else(PoisonError::into_inner);
    }
    let now = Instant::now();
    let late = under_way
        .deadlines
        .iter()
        .take_while(|(deadline, _)| *deadline + LATE <= now);
    let late: Vec<u64> = late.map(|(_, id)| *id).collect();
    let mut unwanted: Vec<u64> = Vec::new();
    // All of them are looked at, so not after each answer.
    if now.saturating_duration_since(*looked) >= LOOK_EVERY {
        *looked = now;
        let requests = under_way.requests.iter();
        let not_wanted = requests.filter(|(_, waiting)| !waiting.promise.is_wanted());
        unwanted.extend(not_wanted.map(|(id, _)| *id));
    }
    drop(under_way);
    let taken = shared.taken.load(Ordering::Relaxed);
    if has_taken() {
        match shared.link.send(&Message::Taken { number: taken }) {
            Ok(()) => shared.taken_told.store(taken, Ordering::Relaxed),
            // Told again with the next one; until then the supervisor keeps the frames.
            Err(error) => {
                shared.taken_told.store(taken, Ordering::Relaxed);
                tracing::debug!(%error, "the supervisor does not hear that answers were taken");
            }
        }
    }
    for id in unwanted {
        if let Err(error) = shared.link.send(&Message::Cancel { id }) {
            tracing::debug!(%error, "the supervisor does not hear that a request is not wanted any more");
        }
        shared.tell(id, Err(RequestError::Closing));
    }
    late.into_iter()
        .for_each(|id| shared.tell(id, Err(RequestError::Expired)));
    true
}
