//! Taking bytes from what all processes of a host share.

use std::time::{Duration, Instant};

use super::{
    HostShare, Purpose, Refused, Sums,
    account::{self, Attempt},
    cgroup, keeper,
    refusal::Refusal,
};
use crate::{os, reason::BudgetScope};

/// How long a request waits for others to decide about theirs. A stopped process may never decide.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes bytes until the share is dropped. Gives back what this process does not use before it refuses.
pub(crate) fn reserve(purpose: Purpose, bytes: u64, limit: u64) -> Result<HostShare, Refused> {
    if bytes > limit {
        return Err(Refused::Over(Refusal {
            scope: BudgetScope::Host,
            needed_bytes: bytes,
            used_bytes: 0,
            limit_bytes: limit,
            users: String::from("it exceeds that on its own"),
        }));
    }
    keeper::ensure_running();
    let give_up_at = Instant::now() + PATIENCE;
    let mut pause = Duration::from_micros(50);
    loop {
        if let Err(refusal) = cgroup::check_for(purpose, bytes) {
            if Instant::now() < give_up_at && keeper::give_back_now(refusal.excess()) {
                continue;
            }
            return Err(Refused::OverCgroup(refusal));
        }
        let attempt = account::attempt(purpose, bytes, limit).map_err(Refused::Unaccounted)?;
        let (refusal, excess) = match attempt {
            Attempt::Granted(share) => return Ok(share),
            Attempt::Contended(_) if Instant::now() < give_up_at => {
                std::thread::sleep(pause + jitter(pause));
                pause = (pause * 2).min(Duration::from_millis(10));
                continue;
            }
            Attempt::Contended(refusal) => (refusal, Sums::default()),
            Attempt::Refused { refusal, excess } => (refusal, excess),
        };
        if Instant::now() < give_up_at && keeper::give_back_now(excess) {
            continue;
        }
        account::want(excess);
        return Err(Refused::Over(refusal));
    }
}

/// Two that asked at the same moment have both withdrawn, and must not ask again at the same moment.
fn jitter(pause: Duration) -> Duration {
    let [byte] = os::random().unwrap_or_default();
    pause * u32::from(byte) / 128
}
