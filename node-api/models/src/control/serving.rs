//! The server's threads: they accept, have each connection served by a task of its own, and end with their [`Server`].

use std::{
    net::SocketAddr,
    process,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{runtime, sync::oneshot};

use super::{
    Counts, Limits, Models, ServeError,
    calls::Calls,
    capacity::Capacity,
    connection::{Connection, Listener},
    sending::Untaken,
};

/// Threads that read, write and translate. Models are asked on them, and work elsewhere.
const THREADS: usize = 2;
/// Calls at a time that load or unload a model; further ones wait.
const LONG_CALLS: usize = 8;
/// How long a drop waits for calls to end, and then for the threads.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);
/// Bytes that a client may send before they were read, of one call and of all of a connection.
const CALL_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Bytes of one piece of a message.
const FRAME_BYTES: u32 = 256 << 10;

/// A server that serves until this is dropped. Dropping it gives up what is under way, closes all connections and waits for
/// the threads, a few seconds at most; a load that takes longer is left to itself. Usable from any thread.
#[derive(Debug)]
#[must_use = "it serves no longer than this lives"]
pub struct Server {
    address: SocketAddr,
    capacity: Arc<Capacity>,
    /// Its drop ends the thread.
    close: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Nothing is sent: the other end goes with the thread.
    ended: mpsc::Receiver<()>,
    /// A fork has the handle of a thread that it has not.
    process: u32,
}

impl Server {
    pub(super) fn begin(
        models: Arc<dyn Models>,
        address: SocketAddr,
        limits: Limits,
    ) -> Result<Self, ServeError> {
        limits.check()?;
        let capacity = Arc::new(Capacity::of(&limits));
        let (close, closed) = oneshot::channel();
        let (listens, listening) = mpsc::sync_channel(1);
        let (end, ended) = mpsc::channel();
        let counted = Arc::clone(&capacity);
        let thread = thread::Builder::new().name("zenoh-pinned-models".into());
        let thread = thread.spawn(move || {
            let _end: mpsc::Sender<()> = end;
            serve(models, address, counted, limits, closed, &listens);
        });
        // Dropped on an error, it ends what has begun.
        let mut server = Self {
            address,
            capacity,
            close: Some(close),
            thread: Some(thread.map_err(ServeError::Thread)?),
            ended,
            process: process::id(),
        };
        let gone = || std::io::Error::other("the thread has ended");
        let listening = listening.recv().map_err(|_| ServeError::Thread(gone()))?;
        server.address = listening?;
        Ok(server)
    }

    /// Where it listens, also where any port was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has done so far, and does at this moment.
    pub fn counts(&self) -> Counts {
        self.capacity.counts()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process != process::id() {
            return;
        }
        self.close = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_timeout(2 * CLOSE_DEADLINE) {
            tracing::warn!("the server's thread does not end and is left behind");
        } else if thread.join().is_err() {
            tracing::error!("the server's thread ended by a panic");
        }
    }
}

fn serve(
    models: Arc<dyn Models>,
    address: SocketAddr,
    capacity: Arc<Capacity>,
    limits: Limits,
    closed: oneshot::Receiver<()>,
    listens: &mpsc::SyncSender<Result<SocketAddr, ServeError>>,
) {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .max_blocking_threads(LONG_CALLS)
        .thread_name("zenoh-pinned-models")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return drop(listens.send(Err(ServeError::Thread(error)))),
    };
    runtime.block_on(async {
        let listener = Listener::at(address, Arc::clone(&capacity), limits).and_then(|listener| {
            let address = listener.address()?;
            Ok((listener, address))
        });
        let listener = match listener {
            Ok((listener, address)) => {
                let _ = listens.send(Ok(address));
                listener
            }
            Err(cause) => return drop(listens.send(Err(ServeError::Address { address, cause }))),
        };
        let calls = Calls::new(models, capacity, limits);
        let accepting = async {
            loop {
                let connection = listener.accept().await;
                tokio::spawn(answer(connection, calls.clone(), limits));
            }
        };
        tokio::select! {
            () = accepting => {}
            _ = closed => {}
        }
    });
    // Connections and requests are tasks of the runtime and go with it.
    runtime.shutdown_timeout(CLOSE_DEADLINE);
}

/// Answers the calls of one connection until it ends.
async fn answer(connection: Connection, calls: Calls, limits: Limits) {
    let untaken = Arc::new(Untaken::default());
    let sending = Arc::clone(&untaken);
    let service = service_fn(move |request| calls.clone().answer(request, Arc::clone(&sending)));
    let served = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.keep_alive)
        .keep_alive_timeout(limits.keep_alive)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(limits.header_bytes)
        .initial_stream_window_size(CALL_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_BYTES)
        .serve_connection(TokioIo::new(connection), service);
    tokio::select! {
        ended = served => if let Err(error) = ended {
            tracing::debug!("a connection ended: {error}");
        },
        () = untaken.wait(limits.take_within) => {
            tracing::debug!("a client takes nothing of an answer and was let go");
        }
    }
}
