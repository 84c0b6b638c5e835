//! The buffers: the slots of one pool, which is all the memory that matrices and their compressed forms ever lie in.
//!
//! The pool is this process's alone, so its bound is the run's, whoever dies: what a killed worker had written in is a slot
//! that comes back, and a worker that follows needs no memory of its own.
//!
//! Where buffers are not to be used again, each is a pool of its own, and there are never more of these.
//!
//! A matrix has two buffers while it is compressed, so fewer than half as many matrices are under way as there are buffers.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;
use zenoh_pinned::{AllocError, PinnedPool, PoolError, Slot};

use super::Stop;
use crate::{
    encoding::{EncodeError, Encoding},
    matrix::Form,
};

/// How long one wait for a buffer is before the wish to stop is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long one is waited for at most. Each lane's are there for it; those of a worker that was killed come back within
/// seconds, where it can be proven that nobody reads them any more.
const LOST_AFTER: Duration = Duration::from_secs(60);

/// MiB that a buffer may have: a slot ends at 4 GiB.
pub const MOST_MEGABYTES: u64 = 4095;

/// How much memory a run may have, and how it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferTerms {
    /// How many there may be, two at least.
    pub most: u32,
    /// The bytes that one may have at most.
    pub bytes: u64,
    /// Whether one is used again. Otherwise each is given back to the system, and the next one is new.
    pub reuse: bool,
    /// After what time those that are not needed are given back.
    pub cleanup_interval: Duration,
}

/// Why there are no buffers.
#[derive(Debug, thiserror::Error)]
pub enum BufferError {
    /// A matrix has one, and its compressed form another.
    #[error("{most} buffers are too few: give at least 2 with --max-buffers.")]
    TooFew {
        /// How many were wanted.
        most: u32,
    },
    /// A matrix or its compressed form is larger.
    #[error("A matrix of {form} needs a buffer of {needed} bytes, one has {bytes}: {remedy}.")]
    TooSmall {
        /// Of the matrices.
        form: Form,
        /// Bytes that the larger of both may have.
        needed: u64,
        /// Bytes of a buffer.
        bytes: u64,
        /// What to do.
        remedy: String,
    },
    /// The pool cannot be made, or has no memory left.
    #[error("The buffers cannot be had: {0}")]
    Pool(#[from] PoolError),
    /// A buffer cannot be had.
    #[error("A buffer cannot be had: {0}")]
    Alloc(#[from] AllocError),
    /// None has come back, though nobody has more than is his.
    #[error("No buffer has come back for {waited:?}: {cause}")]
    Lost {
        /// How long one was waited for.
        waited: Duration,
        /// Who has them.
        cause: AllocError,
    },
    /// This encoding does not take matrices of this size.
    #[error(transparent)]
    Encoding(#[from] EncodeError),
}

/// What became of the buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BufferFigures {
    /// How many there may be.
    pub most: u32,
    /// Bytes of one.
    pub buffer_bytes: u64,
    /// How many are in use.
    pub used: u32,
    /// How many were at most.
    pub peak: u32,
    /// How often one was handed out.
    pub handed_out: u64,
    /// How often that was one that had been used before.
    pub reused: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Buffers {
    kept: Kept,
    terms: BufferTerms,
    /// Bytes of one.
    bytes: usize,
    peak: AtomicU32,
    handed_out: AtomicU64,
}

#[derive(Debug)]
enum Kept {
    /// Buffers that come back.
    Reused(PinnedPool),
    /// A pool for each that is in use.
    New(Mutex<Vec<PinnedPool>>),
}

/// Bytes of a buffer that takes any of these matrices, and whatever they are compressed to.
pub fn needed(form: Form, encoding: Encoding) -> u64 {
    let matrix = usize::try_from(form.bytes()).unwrap_or(usize::MAX);
    matrix.max(encoding.most_bytes(matrix)) as u64
}

impl BufferTerms {
    /// Whether these matrices fit; without making anything.
    ///
    /// # Errors
    /// [`BufferError::TooFew`], [`BufferError::TooSmall`].
    pub fn check(&self, form: Form, encoding: Encoding) -> Result<(), BufferError> {
        let (most, bytes) = (self.most, self.bytes);
        if most < 2 {
            return Err(BufferError::TooFew { most });
        }
        encoding.check(usize::try_from(form.bytes()).unwrap_or(usize::MAX))?;
        let needed = needed(form, encoding);
        if needed > bytes {
            return Err(BufferError::TooSmall {
                form,
                needed,
                bytes,
                remedy: match needed.div_ceil(1 << 20) {
                    megabytes @ ..=MOST_MEGABYTES => {
                        format!(
                            "say --buffer-size-mb {megabytes} or more, or give smaller matrices"
                        )
                    }
                    _ => String::from("give smaller matrices, no buffer has so many"),
                },
            });
        }
        Ok(())
    }
}

impl Buffers {
    pub(super) fn new(
        terms: BufferTerms,
        form: Form,
        encoding: Encoding,
    ) -> Result<Self, BufferError> {
        terms.check(form, encoding)?;
        let bytes = usize::try_from(needed(form, encoding)).unwrap_or(usize::MAX);
        let kept = match terms.reuse {
            true => Kept::Reused(pool(&terms, bytes, terms.most)?),
            false => Kept::New(Mutex::default()),
        };
        Ok(Self {
            kept,
            terms,
            bytes,
            peak: AtomicU32::new(0),
            handed_out: AtomicU64::new(0),
        })
    }

    /// One of so many bytes, waiting until it is there; `None` where that is given up.
    pub(super) fn take(&self, bytes: usize, stop: &Stop) -> Result<Option<Slot>, BufferError> {
        let begun = Instant::now();
        let slot = loop {
            let slot = match &self.kept {
                Kept::Reused(pool) => pool.alloc_timeout(bytes, LOOK_EVERY),
                Kept::New(pools) => self.take_new(pools, bytes)?,
            };
            match slot {
                Ok(slot) => break slot,
                Err(AllocError::TimedOut { .. }) if stop.gives_up() => return Ok(None),
                Err(cause @ AllocError::TimedOut { .. }) => {
                    let waited = begun.elapsed();
                    if waited > LOST_AFTER {
                        return Err(BufferError::Lost { waited, cause });
                    }
                }
                Err(error) => return Err(error.into()),
            }
        };
        // Relaxed: counts.
        self.handed_out.fetch_add(1, Ordering::Relaxed);
        self.peak.fetch_max(self.used(), Ordering::Relaxed);
        Ok(Some(slot))
    }

    /// From a pool of its own; from one of those there are, which has none, where there may be no other.
    fn take_new(
        &self,
        pools: &Mutex<Vec<PinnedPool>>,
        bytes: usize,
    ) -> Result<Result<Slot, AllocError>, PoolError> {
        let mut pools = lock(pools);
        pools.retain(|pool| pool.drain(Duration::ZERO).is_err());
        if pools.len() >= self.terms.most as usize
            && let Some(first) = pools.first().cloned()
        {
            drop(pools);
            return Ok(first.alloc_timeout(bytes, Duration::from_millis(2)));
        }
        let pool = pool(&self.terms, self.bytes, 1)?;
        let slot = pool.try_alloc(bytes);
        pools.push(pool);
        Ok(slot)
    }

    fn used(&self) -> u32 {
        match &self.kept {
            Kept::Reused(pool) => pool.statistics().in_use,
            Kept::New(pools) => lock(pools).len() as u32,
        }
    }

    pub(super) fn figures(&self) -> BufferFigures {
        let handed_out = self.handed_out.load(Ordering::Relaxed);
        let made = match &self.kept {
            Kept::Reused(pool) => {
                let pool = pool.statistics();
                u64::from(pool.segments) + pool.segments_given_back
            }
            Kept::New(_) => handed_out,
        };
        BufferFigures {
            most: self.terms.most,
            buffer_bytes: self.bytes as u64,
            used: self.used(),
            peak: self.peak.load(Ordering::Relaxed),
            handed_out,
            reused: handed_out.saturating_sub(made),
        }
    }
}

/// Made one slot at a time, as they are needed.
fn pool(terms: &BufferTerms, bytes: usize, slots: u32) -> Result<PinnedPool, PoolError> {
    let pool = PinnedPool::builder().name("matrices").slots(slots);
    pool.slot_bytes(bytes)
        .slots_per_segment(1)
        .time_to_live(terms.cleanup_interval)
        .linger(Duration::ZERO)
        .build()
}

fn lock(pools: &Mutex<Vec<PinnedPool>>) -> MutexGuard<'_, Vec<PinnedPool>> {
    // Whole between any two statements.
    pools.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{ElementType, Shape};

    fn form(columns: u64) -> Form {
        Form::new(Shape::new(1, columns).unwrap(), ElementType::U8).unwrap()
    }

    fn terms(most: u32, reuse: bool) -> BufferTerms {
        BufferTerms {
            most,
            bytes: 1 << 20,
            reuse,
            cleanup_interval: Duration::from_secs(30),
        }
    }

    #[test]
    fn a_matrix_that_could_outgrow_its_buffer_is_refused_with_the_size_that_does() {
        let encoding = Encoding::new(3, false).unwrap();
        let check = |columns, most| terms(most, true).check(form(columns), encoding);
        assert!(check(1 << 19, 2).is_ok());
        // Noise grows a little when it is compressed.
        let error = check(1 << 20, 2).unwrap_err();
        assert!(
            error.to_string().contains("--buffer-size-mb 2 or more"),
            "{error}"
        );
        assert!(matches!(check(1, 1), Err(BufferError::TooFew { most: 1 })));
    }

    #[test]
    fn there_are_as_many_as_were_said_and_those_that_come_back_are_used_again_or_not() {
        let encoding = Encoding::new(3, false).unwrap();
        for reuse in [true, false] {
            let buffers = Buffers::new(terms(2, reuse), form(5000), encoding).unwrap();
            let stop = Stop::default();
            for _ in 0..10 {
                let first = buffers.take(5000, &stop).unwrap();
                let second = buffers.take(1, &stop).unwrap();
                assert!(first.is_some() && second.is_some());
            }
            stop.give_up("the test is over");
            let _both = [1, 1].map(|bytes| buffers.take(bytes, &stop).unwrap());
            assert!(buffers.take(1, &stop).unwrap().is_none());
            let figures = buffers.figures();
            assert_eq!((figures.most, figures.used, figures.peak), (2, 2, 2));
            assert_eq!(figures.handed_out, 22);
            assert_eq!(figures.reused, if reuse { 20 } else { 0 });
        }
    }
}
