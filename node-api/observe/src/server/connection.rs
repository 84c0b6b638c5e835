//! What a connection may cost: its place among the others, and the time that its peer may let it wait.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};

/// Connections at a time.
pub(super) const CONNECTIONS: usize = 128;
/// How long a peer may take nothing of what is sent to it.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);
/// How long a peer may send nothing. Sockets are asked for a sign of life more often.
pub(super) const READ_DEADLINE: Duration = Duration::from_secs(30);
/// Bytes that the kernel keeps for a peer that does not read.
const SEND_BUFFER: u32 = 128 << 10;
/// How long not to accept after it has failed: most likely no descriptor is left.
const PAUSE: Duration = Duration::from_millis(500);

const FULL: &str = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 10\r\n\
                    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 63\r\n\r\n\
                    Too many connections are open here: close some, or come again.\n";

/// Accepts connections, as many at a time as there are permits.
pub(super) struct Listener {
    listener: TcpListener,
    permits: Arc<Semaphore>,
}

impl Listener {
    pub(super) fn at(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A port whose last connections are still closing may be taken again.
        socket.set_reuseaddr(true)?;
        // Connections have it from their listener.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(address)?;
        Ok(Self {
            listener: socket.listen(CONNECTIONS as u32)?,
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        })
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next connection for which there is a place; the others are told that there is none.
    pub(super) async fn accept(&self) -> Connection {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match Arc::clone(&self.permits).try_acquire_owned() {
                    Ok(permit) => return Connection::new(stream, permit),
                    Err(_) => refuse(stream),
                },
                // Its peer has gone before it was accepted.
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!("no connection can be accepted: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Says so as far as the peer's buffer takes it, and never waits.
fn refuse(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        // Whoever has gone need not know.
        let _ = stream.write(FULL.as_bytes());
    }
}

/// A connection that ends by itself when its peer stands still.
pub(super) struct Connection {
    stream: TcpStream,
    reading: Deadline,
    writing: Deadline,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, permit: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            reading: Deadline::of(READ_DEADLINE),
            writing: Deadline::of(WRITE_DEADLINE),
            _permit: permit,
        }
    }

    /// The address that the peer has connected to.
    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }
}

/// Since when nothing moves in one direction.
struct Deadline {
    after: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn of(after: Duration) -> Self {
        Self { after, sleep: None }
    }

    /// What was polled; an error where it has been pending for too long.
    fn bound<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.sleep = None;
            return polled;
        }
        let after = self.after;
        let passed = self.sleep.get_or_insert_with(|| Box::pin(sleep(after)));
        ready!(passed.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.reading.bound(context, polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.writing.bound(context, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.writing.bound(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
