//! Where connections come in, and what one may cost: its place among the others, and how long its peer may say nothing.
//!
//! Whoever does not read is found by its silence: HTTP/2 asks for signs of life, which it then does not give.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Sleep, sleep},
};

use super::{Limits, capacity::Capacity};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;
/// How long not to accept after it has failed: most likely no descriptor is left.
const PAUSE: Duration = Duration::from_millis(500);
/// How often a peer that lives has to say something, counted in keep-alives.
const SILENT_KEEP_ALIVES: u32 = 3;

/// Accepts connections, as many at a time as may be.
pub(super) struct Listener {
    listener: TcpListener,
    capacity: Arc<Capacity>,
    limits: Limits,
}

impl Listener {
    pub(super) fn at(
        address: SocketAddr,
        capacity: Arc<Capacity>,
        limits: Limits,
    ) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A port whose last connections are still closing may be taken again.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self {
            listener: socket.listen(BACKLOG)?,
            capacity,
            limits,
        })
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next connection for which there is a place; the others are closed.
    pub(super) async fn accept(&self) -> Connection {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    if let Some(connection) = self.let_in(stream) {
                        return connection;
                    }
                }
                // Its peer has gone before it was accepted.
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!("no connection can be accepted: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn let_in(&self, stream: TcpStream) -> Option<Connection> {
        // Connections come in one after the other.
        if self.capacity.connections.load(Relaxed) >= self.limits.connections {
            self.capacity.connections_refused.fetch_add(1, Relaxed);
            tracing::debug!(
                "a connection was closed: {} are open",
                self.limits.connections
            );
            return None;
        }
        // Answers are small or large, but never to be waited for.
        let _ = stream.set_nodelay(true);
        self.capacity.connections.fetch_add(1, Relaxed);
        Some(Connection {
            stream,
            reading: Deadline::of(self.limits.keep_alive.saturating_mul(SILENT_KEEP_ALIVES)),
            _place: ConnectionPlace(Arc::clone(&self.capacity)),
        })
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

struct ConnectionPlace(Arc<Capacity>);

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

/// A connection that ends by itself when its peer says nothing.
pub(super) struct Connection {
    stream: TcpStream,
    reading: Deadline,
    _place: ConnectionPlace,
}

/// Since when nothing has come.
struct Deadline {
    after: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn of(after: Duration) -> Self {
        Self { after, sleep: None }
    }

    /// What was polled; an error where it has been pending for too long.
    fn bound(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
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
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, bytes)
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
