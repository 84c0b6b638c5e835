//! An allocation as a future, for any executor.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{PinnedPool, error::AllocError, pending::Waiter, slot::Slot};

/// A slot that is waited for; what [`PinnedPool::alloc_async`] gives.
///
/// It does nothing until it is polled first; its time begins then. Dropping it ends the wait, and loses no slot. In a forked
/// child it is [`AllocError::Forked`], and dropping it there touches nothing. Polled again after it has given its result, it
/// is pending for ever.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct AllocFuture {
    pool: PinnedPool,
    len: usize,
    timeout: Duration,
    state: State,
}

enum State {
    New,
    Waiting(Arc<Waiter>),
    Over,
}

impl AllocFuture {
    pub(super) fn new(pool: PinnedPool, len: usize, timeout: Duration) -> Self {
        Self {
            pool,
            len,
            timeout,
            state: State::New,
        }
    }

    fn begin(&mut self, waker: &Waker) -> Result<Option<Slot>, AllocError> {
        let shared = &self.pool.shared;
        let Some(class) = shared.class_for(self.len)? else {
            return Ok(Some(Slot::private(self.len)));
        };
        let taken = match self.timeout.is_zero() {
            true => Some(shared.take(class, self.len, self.timeout)?),
            // Whether the pool can grow is for the thread to find out: that takes longer than a poll should.
            false => shared.take_there_is(class),
        };
        if let Some(taken) = taken {
            return self.pool.hand_out(taken, self.len).map(Some);
        }
        let pending = &shared.pending;
        let waiter = pending.wait(&self.pool, class, self.len, self.timeout, waker)?;
        self.state = State::Waiting(waiter);
        Ok(None)
    }

    fn is_inherited(&self) -> bool {
        !self.pool.shared.made_here.holds()
    }

    /// Lets go of the wait, without a touch where it is another process's.
    fn end(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Over);
        if self.is_inherited() {
            std::mem::forget(state);
        }
    }
}

impl Future for AllocFuture {
    type Output = Result<Slot, AllocError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match &self.state {
            State::Over => return Poll::Pending,
            _ if self.is_inherited() => Poll::Ready(Err(AllocError::Forked)),
            State::Waiting(waiter) => waiter.poll(context.waker()),
            State::New => match self.begin(context.waker()) {
                Ok(None) => Poll::Pending,
                Ok(Some(slot)) => Poll::Ready(Ok(slot)),
                Err(error) => Poll::Ready(Err(error)),
            },
        };
        if outcome.is_ready() {
            self.end();
        }
        outcome
    }
}

impl Drop for AllocFuture {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::New => "not polled",
            Self::Waiting(_) => "waiting",
            Self::Over => "over",
        })
    }
}
