//! Messages over a local socket: a length, and as many bytes. Every wait has a deadline and can be ended from outside.

use std::{
    io::{self, Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with},
};
use serde::{Serialize, de::DeserializeOwned};
use zenoh_pinned::bindings::is_interrupted;

/// How often a waiting thread is asked whether it still waits.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// How often somebody tries again who found too many waiting.
const CONNECT_EVERY: Duration = Duration::from_millis(5);

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

    /// Connects, and waits meanwhile where more wait than the other end has taken.
    pub(crate) fn connect(path: &Path, max_bytes: usize, until: Instant) -> io::Result<Self> {
        let address = SocketAddrUnix::new(path)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        loop {
            match rustix::net::connect(&socket, &address) {
                Ok(()) => break,
                Err(Errno::AGAIN | Errno::INTR) => {
                    let left = piece(until)?;
                    std::thread::sleep(left.min(CONNECT_EVERY));
                    if is_interrupted() {
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        let stream = UnixStream::from(socket);
        stream.set_nonblocking(false)?;
        Ok(Self::new(stream, max_bytes))
    }

    /// The process at the other end, which is one of this user; `None` where it is in another pid namespace.
    ///
    /// # Errors
    /// `PermissionDenied` where it is not.
    pub(crate) fn peer(&self) -> io::Result<Option<u32>> {
        let peer = credentials(&self.stream)?;
        if peer.uid != rustix::process::getuid().as_raw() {
            let words = "the other end is a process of another user";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
        }
        Ok(u32::try_from(peer.pid).ok().filter(|pid| *pid > 0))
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

/// Who is at the other end, as the kernel noted when it was connected. rustix has no value for a process without a pid here.
fn credentials(stream: &UnixStream) -> io::Result<libc::ucred> {
    let mut found = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut bytes = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the descriptor is open; the kernel writes at most `bytes` bytes to `found`, which are as many as it has, and any
    // of them are a value of it.
    let status = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            std::ptr::from_mut(&mut found).cast(),
            &mut bytes,
        )
    };
    match status {
        0 => Ok(found),
        _ => Err(io::Error::last_os_error()),
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
