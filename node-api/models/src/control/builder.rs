//! Where a server will listen, and what clients may take of it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use super::{Limits, Models, ServeError, Server};

/// As Triton's.
const PORT: u16 = 8001;

impl Server {
    /// A server of these models, at 127.0.0.1:8001 unless told otherwise.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use zenoh_pinned_models::control::{Limits, Models, ServeError, Server};
    ///
    /// fn serve(models: Arc<dyn Models>) -> Result<Server, ServeError> {
    ///     Server::builder(models)
    ///         .address(([127, 0, 0, 1], 0).into()) // any free port
    ///         .limits(Limits { requests: 64, ..Limits::default() })
    ///         .serve()
    /// }
    /// ```
    pub fn builder(models: Arc<dyn Models>) -> ServerBuilder {
        ServerBuilder {
            models,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT),
            limits: Limits::default(),
        }
    }
}

/// See [`Server::builder`].
#[must_use]
pub struct ServerBuilder {
    models: Arc<dyn Models>,
    address: SocketAddr,
    limits: Limits,
}

impl ServerBuilder {
    /// Where to listen. Port 0 is any that is free. Whoever can connect may ask, load and unload models: there is no
    /// password, and nothing is encrypted.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// What clients may take of it.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Listens, and answers on threads of its own from then on.
    ///
    /// # Errors
    /// The address cannot be listened at, a limit is none, or no thread can be started.
    pub fn serve(self) -> Result<Server, ServeError> {
        Server::begin(self.models, self.address, self.limits)
    }
}
