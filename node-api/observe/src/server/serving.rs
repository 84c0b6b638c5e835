//! The server's thread: accepts, has each connection served by a task of its own, and ends with its [`Serving`].

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, mpsc},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse as _, Response},
};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{runtime, sync::oneshot};
use zenoh_pinned::bindings::MadeHere;

use super::{
    application::Application,
    connection::{Connection, Listener},
    error::ServeError,
    guard::{Guard, protect},
    routes,
};
use crate::{
    looks::{Looks, Sources},
    own_thread::OwnThread,
};

/// How long a request's header may take, and how long a connection may be without one.
const HEADER_DEADLINE: Duration = Duration::from_secs(10);
const HEADER_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;
/// How long a drop waits for each of the two threads.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// A server that serves until this is dropped. Dropping it lets all connections go and waits for the threads, two seconds
/// each at most.
#[derive(Debug)]
#[must_use = "it serves no longer than this lives"]
pub struct Serving {
    address: SocketAddr,
    looks: Arc<Looks>,
    /// Its drop ends the thread.
    close: Option<oneshot::Sender<()>>,
    thread: Option<OwnThread>,
    made_here: MadeHere,
}

impl Serving {
    pub(super) fn begin(
        sources: Sources,
        application: Application,
        address: SocketAddr,
        guard: Guard,
    ) -> Result<Self, ServeError> {
        let looks = Arc::new(Looks::begin(sources).map_err(ServeError::Thread)?);
        let (close, closed) = oneshot::channel();
        let (listens, listening) = mpsc::sync_channel(1);
        let routes = routes::of(Arc::clone(&looks), application);
        // Dropped on an error, it ends what has begun.
        let mut serving = Self {
            address,
            looks,
            close: Some(close),
            thread: None,
            made_here: MadeHere::now(),
        };
        let thread = OwnThread::begin("zenoh-pinned-observe", move || {
            serve(address, Arc::new(guard), routes, closed, &listens);
        });
        serving.thread = Some(thread.map_err(ServeError::Thread)?);
        // The thread says so before anything else.
        serving.address = match listening.recv() {
            Ok(listening) => listening?,
            Err(_) => return Err(ServeError::Thread(io::ErrorKind::Other.into())),
        };
        tracing::info!("serving at http://{}/", serving.address);
        Ok(serving)
    }

    /// Where it listens, with the port that it was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if !self.made_here.holds() {
            // A forked child has neither the threads nor, for sure, their locks.
            std::mem::forget((self.close.take(), self.thread.take()));
            return;
        }
        self.close = None;
        if let Some(thread) = self.thread.take() {
            thread.join_within(CLOSE_DEADLINE);
        }
        self.looks.end(CLOSE_DEADLINE);
    }
}

fn serve(
    address: SocketAddr,
    guard: Arc<Guard>,
    routes: Router,
    closed: oneshot::Receiver<()>,
    listens: &mpsc::SyncSender<Result<SocketAddr, ServeError>>,
) {
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(listens.send(Err(ServeError::Thread(error)))),
    };
    // Connections are tasks of the runtime and go with it.
    runtime.block_on(async {
        let listener = Listener::at(address).and_then(|listener| {
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
        let accepting = async {
            loop {
                let connection = listener.accept().await;
                tokio::spawn(answer(connection, Arc::clone(&guard), routes.clone()));
            }
        };
        tokio::select! {
            () = accepting => {}
            _ = closed => {}
        }
    });
}

/// Answers the requests of one connection until it ends.
async fn answer(connection: Connection, guard: Arc<Guard>, routes: Router) {
    let local = match connection.local_address() {
        Ok(address) => address.ip(),
        Err(_) => return,
    };
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |request: Request<Incoming>| {
        let checked = guard.check(request.method(), request.uri(), request.headers(), local);
        let answer = checked.map(|()| routes.call(request.map(Body::new)));
        async move {
            let mut answer: Response = match answer {
                Ok(answer) => answer.await?,
                Err(refusal) => refusal.into_response(),
            };
            protect(&mut answer);
            Ok::<_, Infallible>(answer)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_headers(HEADERS)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(connection), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
    }
}
