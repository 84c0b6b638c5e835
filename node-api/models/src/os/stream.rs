//! Messages over a local socket: a length, and as many bytes. Every wait has a deadline and can be ended from outside.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::sockopt,
};
use serde::{Serialize, de::DeserializeOwned};
use zenoh_pinned::bindings::is_interrupted;

/// How often a waiting thread is asked whether it still waits.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Stream {
    stream: UnixStream,
    /// The longest message that is taken from the other end.
    max_bytes: usize,
}

impl Stream {
    pub(crate) fn new(stream: UnixStream, max_bytes: usize) -> Self {
        Self { stream, max_bytes }
    }

    pub(crate) fn connect(path: &Path, max_bytes: usize) -> io::Result<Self> {
        Ok(Self::new(UnixStream::connect(path)?, max_bytes))
    }

    /// The process at the other end, which is one of this user.
    ///
    /// # Errors
    /// `PermissionDenied` where it is not.
    pub(crate) fn peer(&self) -> io::Result<u32> {
        let peer = sockopt::socket_peercred(&self.stream)?;
        if peer.uid != rustix::process::getuid() {
            let words = "the other end is a process of another user";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
        }
        Ok(peer.pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// Whether the other end has been closed.
    pub(crate) fn is_closed(&self) -> bool {
        let mut polled = [PollFd::new(&self.stream, PollFlags::RDHUP)];
        let now = Timespec::default();
        poll(&mut polled, Some(&now)).is_ok() && !polled[0].revents().is_empty()
    }

    pub(crate) fn into_inner(self) -> UnixStream {
        self.stream
    }

    pub(crate) fn send(&mut self, message: &impl Serialize, until: Instant) -> io::Result<()> {
        let bytes = postcard::to_allocvec(message).map_err(invalid)?;
        let length = u32::try_from(bytes.len()).map_err(invalid)?;
        let mut whole = length.to_le_bytes().to_vec();
        whole.extend_from_slice(&bytes);
        let mut rest = &whole[..];
        while !rest.is_empty() {
            self.stream.set_write_timeout(Some(piece(until)?))?;
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) => goes_on(error)?,
            }
        }
        Ok(())
    }

    pub(crate) fn receive<T: DeserializeOwned>(&mut self, until: Instant) -> io::Result<T> {
        let mut length = [0; 4];
        self.fill(&mut length, until)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > self.max_bytes {
            return Err(invalid("a message is too long"));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, until)?;
        postcard::from_bytes(&bytes).map_err(invalid)
    }

    fn fill(&mut self, mut rest: &mut [u8], until: Instant) -> io::Result<()> {
        while !rest.is_empty() {
            self.stream.set_read_timeout(Some(piece(until)?))?;
            match self.stream.read(rest) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => rest = &mut rest[read..],
                Err(error) => goes_on(error)?,
            }
        }
        Ok(())
    }
}

/// How long to wait at once.
fn piece(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left.min(ASK_EVERY))
}

/// Whether a wait goes on after this.
fn goes_on(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {
            match is_interrupted() {
                true => Err(io::ErrorKind::Interrupted.into()),
                false => Ok(()),
            }
        }
        _ => Err(error),
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
