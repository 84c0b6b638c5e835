//! Payloads that a publisher keeps until a reader has read their entries (`line`).
//!
//! Nobody tells the publisher that an entry was read; it looks when it publishes again, and whoever waits for a slot
//! looks here first. Where nobody might look for long, a thread does: for payloads of other processes' pools, and of
//! publishers that have gone while something of theirs was unread.

use std::{
    sync::{Arc, Mutex, RwLock, RwLockReadGuard, Weak},
    time::Duration,
};

use crate::os::{mutex, per_process::PerProcess};

/// How often the thread looks, while it has something to look after.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Somebody who keeps payloads for readers.
pub(crate) trait Keeps: Send + Sync {
    /// Lets go of those that have been read; whether any is left.
    fn let_go(&self) -> bool;
}

#[derive(Default)]
struct Keepers {
    all: Vec<Weak<dyn Keeps>>,
    looked_after: Vec<Arc<dyn Keeps>>,
    is_running: bool,
}

static KEEPERS: PerProcess<Mutex<Keepers>> = PerProcess::new(Mutex::default);
/// Held for reading while something is let go of; for good by the exit handler, as zenoh's own take away what giving
/// references back needs.
static GATE: RwLock<()> = RwLock::new(());

/// Has `keeper` asked whenever a slot is waited for.
pub(crate) fn ask(keeper: Weak<dyn Keeps>) {
    let mut keepers = KEEPERS.lock();
    keepers.all.retain(|known| known.strong_count() > 0);
    keepers.all.push(keeper);
}

/// Lets go of everything in this process that has been read.
pub(super) fn let_go() {
    if !KEEPERS.is_made_here() {
        return;
    }
    let keepers: Vec<_> = {
        let keepers = KEEPERS.lock();
        let all = keepers.all.iter().filter_map(Weak::upgrade);
        all.collect()
    };
    for keeper in keepers {
        keeper.let_go();
    }
}

/// Has `keeper` looked after until it keeps nothing.
pub(crate) fn look_after(keeper: Arc<dyn Keeps>) {
    let mut keepers = KEEPERS.lock();
    let known = keepers
        .looked_after
        .iter()
        .any(|known| Arc::ptr_eq(known, &keeper));
    if !known {
        keepers.looked_after.push(keeper);
    }
    if !keepers.is_running {
        let thread = std::thread::Builder::new().name(String::from("zpin-kept"));
        // Without a thread they are let go of when somebody looks.
        keepers.is_running = thread.spawn(run).is_ok();
    }
}

/// Permission to let go of something, for as long as it is kept; `None` once the process has come to its exit: then
/// what is kept stays where it is.
pub(crate) fn enter() -> Option<RwLockReadGuard<'static, ()>> {
    // Only the exit handler locks it for writing, and never opens it again.
    GATE.try_read().ok()
}

/// Lets everything that is kept stay where it is, as the process ends.
pub(super) fn end() {
    // Whoever is at it has finished; nobody begins again.
    std::mem::forget(mutex::write(&GATE));
}

fn run() {
    loop {
        std::thread::sleep(LOOK_EVERY);
        let keepers = KEEPERS.lock().looked_after.clone();
        let keepers = keepers.into_iter();
        let done: Vec<_> = keepers.filter(|keeper| !keeper.let_go()).collect();
        let mut keepers = KEEPERS.lock();
        keepers
            .looked_after
            .retain(|known| !done.iter().any(|done| Arc::ptr_eq(known, done)));
        if keepers.looked_after.is_empty() || enter().is_none() {
            keepers.is_running = false;
            return;
        }
    }
}
