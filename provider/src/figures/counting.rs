//! Counters of this process's frames and copies. Relaxed throughout: each stands for itself and orders nothing.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{HAND_OVER_BOUNDS, HandOverFigures, PathFigures, ProcessFigures, ReasonFigures};
use crate::{
    os::{mutex, per_process::PerProcess},
    reason::{DevicePath, FallbackReason},
};

/// What a process has counted since it began. A forked child begins anew.
#[derive(Debug, Default)]
struct Counts {
    frames: [AtomicU64; 4],
    reasons: [OfReason; FallbackReason::KINDS.len()],
    copies: AtomicU64,
    copied_bytes: AtomicU64,
    hand_over: [AtomicU64; HAND_OVER_BOUNDS.len() + 1],
    hand_over_nanoseconds: AtomicU64,
}

#[derive(Debug, Default)]
struct OfReason {
    frames: AtomicU64,
    /// The text is of this second: a reason is put into words once a second, not once a frame.
    is_told: AtomicBool,
    latest: Mutex<String>,
}

static COUNTS: PerProcess<Counts> = PerProcess::new(Counts::default);

/// Counts a frame that this process received.
pub(crate) fn count_frame(path: DevicePath, reason: Option<&FallbackReason>) {
    let counts = COUNTS.of_this_process();
    let index = match path {
        DevicePath::Direct => 0,
        DevicePath::Staged => 1,
        DevicePath::Pageable => 2,
        DevicePath::Host => 3,
    };
    counts.frames[index].fetch_add(1, Ordering::Relaxed);
    let Some(reason) = reason else {
        return;
    };
    let of_reason = &counts.reasons[reason.number()];
    of_reason.frames.fetch_add(1, Ordering::Relaxed);
    let is_told = &of_reason.is_told;
    if !is_told.load(Ordering::Relaxed) && !is_told.swap(true, Ordering::Relaxed) {
        *mutex::lock(&of_reason.latest) = reason.to_string();
    }
}

/// Counts a copy to a device that was enqueued.
pub(crate) fn count_copy(bytes: usize) {
    let counts = COUNTS.of_this_process();
    counts.copies.fetch_add(1, Ordering::Relaxed);
    counts
        .copied_bytes
        .fetch_add(bytes as u64, Ordering::Relaxed);
}

/// Counts a frame that took so long from put to hand.
pub(crate) fn count_hand_over(nanoseconds: u64) {
    let counts = COUNTS.of_this_process();
    let bucket = HAND_OVER_BOUNDS.partition_point(|bound| bound * 1000 < nanoseconds);
    counts.hand_over[bucket].fetch_add(1, Ordering::Relaxed);
    counts
        .hand_over_nanoseconds
        .fetch_add(nanoseconds, Ordering::Relaxed);
}

/// Adds what was counted so far; the texts of reasons may be put anew from now on.
pub(super) fn add_to(figures: &mut ProcessFigures) {
    if !COUNTS.is_made_here() {
        return;
    }
    let counts = COUNTS.of_this_process();
    let [direct, staged, pageable, host] = &counts.frames;
    figures.frames = PathFigures {
        direct: read(direct),
        staged: read(staged),
        pageable: read(pageable),
        host: read(host),
    };
    for (kind, of_reason) in FallbackReason::KINDS.into_iter().zip(&counts.reasons) {
        let frames = read(&of_reason.frames);
        if frames > 0 {
            of_reason.is_told.store(false, Ordering::Relaxed);
            let latest = mutex::lock(&of_reason.latest).clone();
            figures.reasons.push(ReasonFigures {
                kind,
                frames,
                latest,
            });
        }
    }
    figures
        .reasons
        .sort_by_key(|reason| std::cmp::Reverse(reason.frames));
    figures.copies = read(&counts.copies);
    figures.copied_bytes = read(&counts.copied_bytes);
    figures.hand_over = HandOverFigures {
        buckets: std::array::from_fn(|bucket| read(&counts.hand_over[bucket])),
        sum: Duration::from_nanos(read(&counts.hand_over_nanoseconds)),
    };
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
