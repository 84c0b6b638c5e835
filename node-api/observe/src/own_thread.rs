//! A thread that is waited for at its end, but not for ever.

use std::{
    io,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::{Builder, JoinHandle},
    time::Duration,
};

#[derive(Debug)]
pub(crate) struct OwnThread {
    thread: JoinHandle<()>,
    /// Nothing is sent: the other end goes with the thread.
    ended: Receiver<()>,
}

impl OwnThread {
    pub(crate) fn begin(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (end, ended) = channel();
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            let _end = end;
            body();
        })?;
        Ok(Self { thread, ended })
    }

    /// Joins it, unless it takes longer than that; then it is left to itself.
    pub(crate) fn join_within(self, deadline: Duration) {
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_timeout(deadline) {
            let name = self.thread.thread().name().unwrap_or_default();
            tracing::warn!("the thread {name} does not end within {deadline:?} and is left behind");
            return;
        }
        if self.thread.join().is_err() {
            tracing::error!("a thread of the observer ended by a panic");
        }
    }
}
